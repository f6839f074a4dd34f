from pathlib import Path

import pytest

from dormouse.config import Settings
from dormouse.errors import UserError


def read(**environ: str) -> Settings:
    return Settings.from_environment({"DORMOUSE_HOME": "/tmp/dormouse", **environ})


def test_every_setting_can_be_given() -> None:
    settings = read(
        DORMOUSE_BIND="0.0.0.0",
        DORMOUSE_PG_PORT="1",
        DORMOUSE_HTTP_PORT="2",
        DORMOUSE_HOST_SUFFIX="db.test",
        DORMOUSE_PG_BIN="/opt/pg/bin",
        DORMOUSE_ERRORS="neon",
        DORMOUSE_STORAGE="copy",
    )

    assert settings == Settings(
        home=Path("/tmp/dormouse"),
        bind="0.0.0.0",
        pg_port=1,
        http_port=2,
        host_suffix="db.test",
        pg_bin=Path("/opt/pg/bin"),
        errors="neon",
        storage="copy",
    )


def test_what_is_unset_has_its_default() -> None:
    assert read() == Settings(home=Path("/tmp/dormouse"))


@pytest.mark.parametrize("name", ["BIND", "PG_PORT", "HTTP_PORT", "HOST_SUFFIX", "PG_BIN", "ERRORS", "STORAGE"])
def test_an_empty_variable_is_unset(name: str) -> None:
    assert read(**{f"DORMOUSE_{name}": ""}) == read()


def test_other_variables_do_not_matter() -> None:
    assert read(PG_PORT="x", PGPORT="x", dormouse_errors="x") == read()


@pytest.mark.parametrize("name", ["DORMOUSE_PG_PORT", "DORMOUSE_HTTP_PORT"])
@pytest.mark.parametrize(
    "text", ["-1", "65536", "x", " 80", "80 ", "8e1", "0x50", "1_0", "٣", "²", "☃", "%", "9" * 5000]
)
def test_a_port_that_is_none_is_named(name: str, text: str) -> None:
    with pytest.raises(UserError, match=f"{name} is .*; expected a port"):
        read(**{name: text})


@pytest.mark.parametrize("text", ["0", "80", "65535"])
def test_ports_from_any_free_one_to_the_last(text: str) -> None:
    assert read(DORMOUSE_PG_PORT=text).pg_port == int(text)


def test_an_unknown_error_profile_is_named() -> None:
    with pytest.raises(UserError, match="DORMOUSE_ERRORS is 'Neon'; expected 'postgres' or 'neon'"):
        read(DORMOUSE_ERRORS="Neon")


def test_an_unknown_storage_is_named() -> None:
    with pytest.raises(UserError, match="DORMOUSE_STORAGE is 'zfs'; expected 'auto', 'reflink' or 'copy'"):
        read(DORMOUSE_STORAGE="zfs")


@pytest.mark.parametrize(("name", "field"), [("DORMOUSE_HOME", "home"), ("DORMOUSE_PG_BIN", "pg_bin")])
@pytest.mark.parametrize(
    ("text", "expected"),
    [("~/a b", "{home}/a b"), ("folder/x", "{here}/folder/x"), ("/with % and ☃", "/with % and ☃")],
)
def test_folders_are_absolute(
    name: str, field: str, text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/anna")

    assert getattr(read(**{name: text}), field) == Path(expected.format(home="/home/anna", here=tmp_path))


@pytest.mark.parametrize("name", ["DORMOUSE_HOME", "DORMOUSE_PG_BIN"])
def test_a_folder_of_a_user_who_is_not_there_is_named(name: str) -> None:
    with pytest.raises(UserError, match=f"{name} is '~no-such-user/x'"):
        read(**{name: "~no-such-user/x"})


def test_home_has_a_default() -> None:
    assert Settings.from_environment({}).home.is_absolute()
