import re
from dataclasses import fields
from pathlib import Path

import pytest

from dormouse.config import Settings
from dormouse.errors import UserError

REFERENCE = Path(__file__).parents[2] / "docs/reference/platform.md"


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
        DORMOUSE_OPERATIONS="timed",
        DORMOUSE_MAX_PROJECTS="3",
        DORMOUSE_MAX_BRANCHES="4",
        DORMOUSE_MAX_ENDPOINTS="5",
        DORMOUSE_POOLER="required",
        DORMOUSE_PGBOUNCER="/opt/pgbouncer",
        DORMOUSE_HISTORY_BYTES="0",
        DORMOUSE_LIMIT_CONNECTIONS="7",
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
        operations="timed",
        max_projects=3,
        max_branches=4,
        max_endpoints=5,
        pooler="required",
        pgbouncer=Path("/opt/pgbouncer"),
        history_bytes=0,
        limits={"CONNECTIONS": "7"},
    )
    assert [
        field.name for field in fields(Settings) if getattr(settings, field.name) == getattr(read(), field.name)
    ] == ["home"]


def test_what_is_unset_has_its_default() -> None:
    assert read() == Settings(home=Path("/tmp/dormouse"))


# The limits are a table of their own: docs/reference/refusals.md.
NAMES = [f"DORMOUSE_{field.name.upper()}" for field in fields(Settings) if field.name != "limits"]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "DORMOUSE_HOME"])
def test_an_empty_variable_is_unset(name: str) -> None:
    assert read(**{name: ""}) == read()


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_stands_in_the_reference(name: str) -> None:
    table = [line for line in REFERENCE.read_text("utf-8").splitlines() if line.startswith("| `DORMOUSE_")]

    assert any(f"`{name}`" in line.split("|")[1] for line in table)


def test_the_reference_has_no_setting_that_is_not_there() -> None:
    told = re.findall(r"`(DORMOUSE_[A-Z_]+)[`=]", REFERENCE.read_text("utf-8"))

    assert set(told) == set(NAMES)


@pytest.mark.parametrize(
    "name", [f"DORMOUSE_{count}" for count in ("MAX_PROJECTS", "MAX_BRANCHES", "MAX_ENDPOINTS", "HISTORY_BYTES")]
)
@pytest.mark.parametrize("text", ["-1", "10GB", "1e9", " 1", "1_0", "٣", "²", "☃", "%", "9" * 16])
def test_a_count_that_is_none_is_named(name: str, text: str) -> None:
    with pytest.raises(UserError, match=rf"{name} is .*; expected a number of (them|bytes), in digits"):
        read(**{name: text})


def test_bytes_are_counted_one_by_one() -> None:
    assert read(DORMOUSE_HISTORY_BYTES=str(1 << 40)).history_bytes == 1 << 40
    assert read().history_bytes == 10 << 30


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
