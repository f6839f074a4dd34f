from dataclasses import fields
from pathlib import Path

import pytest

from dormouse.cli import background
from dormouse.config import Settings
from dormouse.errors import NotRunning, UserError
from dormouse.home import PlatformFile, locked, prepare_home, write_platform_file
from dormouse.storage.layout import Layout

SERVES = PlatformFile(
    pid=41,
    started_at="2026-01-01T00:00:00Z",
    version="0.1",
    http_url="http://127.0.0.1:55433",
    pg_host="127.0.0.1",
    pg_port=55432,
)

OTHER_THAN_DEFAULT = Settings(
    home=Path("/h"),
    bind="::1",
    pg_port=1,
    http_port=2,
    host_suffix="db.test",
    pg_bin=Path("/opt/pg/bin"),
    storage="copy",
    errors="neon",
    operations="manual",
    max_projects=3,
    max_branches=4,
    max_endpoints=5,
    pooler="required",
    pgbouncer=Path("/opt/pgbouncer"),
    limits={"CONNECTIONS": "7"},
    history_bytes=6,
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "100% o'clock ☃")
    prepare_home(made, None)
    return made


@pytest.mark.parametrize(
    "settings",
    [
        Settings(home=Path("/home/anna/100% o'clock ☃")),
        Settings(
            home=Path("/h"),
            bind="0.0.0.0",
            pg_port=0,
            http_port=1,
            host_suffix="db.test",
            pg_bin=Path("/opt/pg/bin"),
            errors="neon",
        ),
        OTHER_THAN_DEFAULT,
    ],
)
def test_the_platform_reads_the_settings_that_the_command_had(settings: Settings) -> None:
    other = {
        "DORMOUSE_HOME": "/other",
        "DORMOUSE_PG_PORT": "9",
        "DORMOUSE_ERRORS": "neon",
        "DORMOUSE_PG_BIN": "/x",
        "DORMOUSE_LIMIT_STARTUP_BYTES": "8",
    }

    assert Settings.from_environment(background.environment_of(settings, other)) == settings


def test_none_of_its_settings_is_lost() -> None:
    made = background.environment_of(OTHER_THAN_DEFAULT, {})

    defaults = Settings(home=Path("/h"))
    read = Settings.from_environment(made)
    assert [
        field.name
        for field in fields(Settings)
        if field.name != "home" and getattr(read, field.name) == getattr(defaults, field.name)
    ] == []


def test_the_platforms_environment_is_ours_with_safe_imports() -> None:
    made = background.environment_of(Settings(home=Path("/h")), {"PATH": "/opt/bin"})

    assert (made["PATH"], made["PYTHONSAFEPATH"]) == ("/opt/bin", "1")


def test_what_holds_the_lock_runs(layout: Layout) -> None:
    assert not background.is_running(layout)

    with locked(layout):
        assert background.is_running(layout)
    assert not background.is_running(layout)


def test_looking_does_not_take_the_lock(layout: Layout) -> None:
    with locked(layout):
        pass
    assert not background.is_running(layout)

    with locked(layout):
        pass


def test_nothing_runs_in_a_home_that_is_not_there(tmp_path: Path) -> None:
    assert not background.is_running(Layout(tmp_path / "missing"))


def test_what_serves_is_found(layout: Layout) -> None:
    write_platform_file(layout, SERVES)

    with locked(layout):
        assert background.find(layout) == SERVES


def test_the_file_of_a_killed_platform_is_not_believed(layout: Layout) -> None:
    write_platform_file(layout, SERVES)

    with pytest.raises(NotRunning, match="no platform runs in") as caught:
        background.find(layout)

    assert "dormouse up" in caught.value.hint


def test_one_that_starts_or_stops_is_not_found(layout: Layout) -> None:
    with locked(layout), pytest.raises(NotRunning):
        background.find(layout)


def test_stopping_where_none_runs(layout: Layout) -> None:
    write_platform_file(layout, SERVES)

    assert background.stop(layout) is False


def test_one_that_does_not_serve_yet_is_not_stopped(layout: Layout) -> None:
    with locked(layout), pytest.raises(UserError, match="does not serve yet"):
        background.stop(layout)


def test_the_tail_of_the_log(layout: Layout) -> None:
    layout.log.write_bytes(b"first\n" * 20 + b"\xff last\n")

    assert background.tail_of(layout, lines=2) == "first\n\ufffd last"


def test_there_is_no_log(layout: Layout) -> None:
    assert background.tail_of(layout) == "(no log)"
