import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from dormouse.compute.conf import (
    FIXED,
    POSTGRESQL_CONF,
    SOCKET_NAME,
    Identity,
    primary_settings,
    render,
    replica_settings,
    role_attributes,
    template_settings,
)
from dormouse.names import EndpointId, Incarnation

# The characters that mean something to somebody on the way, and all others.
TEXTS = st.text(st.sampled_from("'\"\\\n\r\t n,=#%$") | st.characters(exclude_characters="\0", codec="utf-8"))
FOLDERS = TEXTS.map(lambda text: Path("/run") / text.replace("/", "☃"))


def identity(socket_dir: Path = Path("/run/s")) -> Identity:
    return Identity(endpoint=EndpointId("ep-a"), incarnation=Incarnation("0f" * 16), socket_dir=socket_dir)


def read_by_postgres(text: str) -> dict[str, str]:
    """A configuration file by the rules of guc-file.l: its STRING, and what GUC_scanstr makes of one."""
    settings: dict[str, str] = {}
    for line in text.split("\n"):
        if line and not line.startswith("#"):
            found = re.fullmatch(r"([a-z_]+(?:\.[a-z_]+)?) = '((?:[^'\\]|\\.|'')*)'", line)
            assert found, f"no setting: {line!r}"
            settings[found[1]] = re.sub(r"\\(.)|'(')", unescaped, found[2])
    return settings


def unescaped(found: re.Match[str]) -> str:
    named = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
    return found[2] or named.get(found[1], found[1])


@given(st.dictionaries(st.sampled_from(["port", "cluster_name", "neon.timeline_id"]), TEXTS))
def test_postgres_reads_what_is_rendered(settings: dict[str, str]) -> None:
    assert read_by_postgres(render(settings)) == settings


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("", "x = ''"),
        ("16MB", "x = '16MB'"),
        ("it's", "x = 'it''s'"),
        ("a\\b", r"x = 'a\\b'"),
        ("a\nb = 'c", r"x = 'a\nb = ''c'"),
        ("%p # ☃", "x = '%p # ☃'"),
    ],
)
def test_values_are_quoted(value: str, line: str) -> None:
    assert render({"x": value}).splitlines()[1:] == [line]


def test_what_postgres_reads_first_includes_what_is_rendered() -> None:
    assert POSTGRESQL_CONF == "include 'dormouse.conf'\n"


@given(FOLDERS)
def test_the_socket_folder_is_one_entry_of_a_list(folder: Path) -> None:
    # SplitDirectoriesString (varlena.c): within double quotes everything but a doubled one is itself.
    listed = primary_settings(identity(folder), 18)["unix_socket_directories"]
    found = re.fullmatch(r'"((?:[^"]|"")*)"', listed, re.DOTALL)

    assert found
    assert found[1].replace('""', '"') == str(folder)


@given(FOLDERS)
def test_a_replica_finds_its_primary_wherever_that_is(folder: Path) -> None:
    settings = replica_settings(identity(), 18, primary_socket_dir=folder)

    assert conninfo_to_dict(settings["primary_conninfo"]) == {
        "host": str(folder),
        "port": "5432",
        "user": "cloud_admin",
        "application_name": "ep-a",
    }


@pytest.mark.parametrize("major", range(15, 19))
def test_a_standby_has_what_its_primary_has(major: int) -> None:
    primary = primary_settings(identity(), major)
    replica = replica_settings(identity(), major, primary_socket_dir=Path("/run/p"))

    assert {name: replica[name] for name in FIXED} == {name: primary[name] for name in FIXED} == dict(FIXED)
    assert {name for name in primary if replica.get(name) != primary[name]} == {"archive_mode", "archive_command"}


@pytest.mark.parametrize(("major", "expected"), [(15, None), (17, None), (18, "sync"), (19, "sync")])
def test_io_workers_are_turned_off_where_there_are_any(major: int, expected: str | None) -> None:
    assert template_settings(Path("/run/t"), major).get("io_method") == expected


def test_no_server_listens_on_the_network() -> None:
    every = [
        template_settings(Path("/run/t"), 17),
        primary_settings(identity(), 17),
        replica_settings(identity(), 17, primary_socket_dir=Path("/run/p")),
    ]

    assert {settings["listen_addresses"] for settings in every} == {""}
    assert SOCKET_NAME == ".s.PGSQL.5432"


def test_only_a_primary_archives_and_never_recycles() -> None:
    primary = primary_settings(identity(), 17)

    assert (primary["archive_mode"], primary["wal_recycle"]) == ("on", "off")
    assert replica_settings(identity(), 17, primary_socket_dir=Path("/run/p"))["archive_mode"] == "off"
    assert template_settings(Path("/run/t"), 17)["archive_mode"] == "off"


def test_every_role_can_read_which_life_it_is() -> None:
    assert primary_settings(identity(), 17)["neon.timeline_id"] == "0f" * 16


@pytest.mark.parametrize(("major", "expected"), [(15, False), (16, True), (18, True)])
def test_roles_may_replicate_where_that_does_not_lock_them_out(major: int, expected: bool) -> None:
    assert ("REPLICATION" in role_attributes(major).split()) is expected


def test_a_users_settings_win_over_sizes_and_not_over_what_is_the_platforms() -> None:
    asked = Identity(
        endpoint=EndpointId("ep-cold-sea-12345678"),
        incarnation=Incarnation("i1"),
        socket_dir=Path("/run/s"),
        pg_settings={"work_mem": "99MB", "jit": "on", "archive_mode": "off"},
    )

    primary = primary_settings(asked, 18)
    standby = replica_settings(asked, 18, primary_socket_dir=Path("/run/p"))

    assert (primary["work_mem"], primary["jit"], primary["archive_mode"]) == ("99MB", "on", "on")
    assert (standby["work_mem"], standby["hot_standby"]) == ("99MB", "on")
