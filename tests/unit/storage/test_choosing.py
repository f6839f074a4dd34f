from pathlib import Path

import pytest

from dormouse.errors import HomeError
from dormouse.storage.choosing import choose_driver
from dormouse.storage.driver import Probe
from dormouse.storage.reflink import ReflinkDriver


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Probe:
    made = Probe(works=request.param, reason="it does" if request.param else "it does not")
    monkeypatch.setattr(ReflinkDriver, "probe", lambda *_: made)
    return made


@pytest.mark.parametrize(
    ("probe", "word", "name", "reason"),
    [
        (True, "auto", "reflink", "it does"),
        (True, "reflink", "reflink", "it does"),
        (True, "copy", "copy", "copies every byte, as DORMOUSE_STORAGE=copy asks"),
        (False, "auto", "copy", "copies every byte, since it does not"),
        (False, "copy", "copy", "copies every byte, as DORMOUSE_STORAGE=copy asks"),
    ],
    indirect=["probe"],
)
def test_what_a_home_gets_and_why(probe: Probe, tmp_path: Path, word: str, name: str, reason: str) -> None:
    choice = choose_driver(tmp_path, word)  # type: ignore[arg-type]

    assert (choice.driver.name, choice.reason) == (name, reason)


@pytest.mark.parametrize("probe", [False], indirect=True)
def test_what_was_asked_for_and_does_not_work_is_an_error(probe: Probe, tmp_path: Path) -> None:
    with pytest.raises(HomeError) as caught:
        choose_driver(tmp_path, "reflink")

    assert caught.value.message == (
        f"DORMOUSE_STORAGE is 'reflink', and that does not work in {tmp_path}: it does not"
    )
    assert "XFS, btrfs or APFS" in caught.value.hint
