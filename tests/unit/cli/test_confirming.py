import pytest

from dormouse.cli.confirming import confirm
from dormouse.cli.output import AskedWrongly
from dormouse.errors import UserError


def never() -> str:
    raise AssertionError("nobody is to be asked")


def ends() -> str:
    raise EOFError


def test_yes_beforehand_is_not_asked_again() -> None:
    confirm("deleting it", yes=True, is_terminal=True, ask=never)


@pytest.mark.parametrize("said", ["y", "Y", "yes", " YES "])
def test_a_yes_at_the_terminal_goes_on(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    confirm("deleting it", yes=False, is_terminal=True, ask=lambda: said)

    assert capsys.readouterr() == ("", "deleting it? [y/N] ")


@pytest.mark.parametrize("ask", [lambda: "", lambda: "n", lambda: "☃", ends])
def test_everything_else_is_a_no(ask: object) -> None:
    with pytest.raises(UserError, match="nothing was done"):
        confirm("deleting it", yes=False, is_terminal=True, ask=ask)  # type: ignore[arg-type]


def test_where_nobody_is_there_it_refuses_and_says_how() -> None:
    with pytest.raises(AskedWrongly, match="deleting it needs a yes") as caught:
        confirm("deleting it", yes=False, is_terminal=False, ask=never)

    assert "--yes" in caught.value.hint
