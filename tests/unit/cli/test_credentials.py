import stat
from pathlib import Path

import pytest

from dormouse.cli.credentials import forget_login, login_file, read_login, store_login
from dormouse.cli.platforms import Login
from dormouse.errors import UserError

LOGIN = Login(api_host="https://api.example/v2", api_key="napi_☃")


def test_what_was_stored_is_read_until_it_is_forgotten() -> None:
    path = login_file()
    assert read_login(path) is None

    store_login(path, LOGIN)

    assert read_login(path) == LOGIN
    assert forget_login(path) is True
    assert read_login(path) is None
    assert forget_login(path) is False


def test_only_its_owner_can_read_it() -> None:
    path = login_file()
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_text("{}")
    path.chmod(0o644)

    store_login(path, LOGIN)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_new_folder_is_its_owners_too() -> None:
    store_login(login_file(), LOGIN)

    assert stat.S_IMODE(login_file().parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"api_host": "x"}', '{"api_host": "napi_x", "api_key": 3}', "\ud800"]
)
def test_a_spoiled_file_is_named_and_not_quoted(text: str, tmp_path: Path) -> None:
    path = tmp_path / "login.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    with pytest.raises(UserError) as caught:
        read_login(path)

    assert str(path) in caught.value.message
    assert "napi" not in caught.value.message


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UserError, match="cannot be written"):
        store_login(tmp_path / "file" / "login.json", LOGIN)
