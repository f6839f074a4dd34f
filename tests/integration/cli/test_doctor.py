"""What the doctor finds on a machine whose PATH and Postgres are made up here."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from fix_platform import new_home, platform_in

from dormouse.cli.doctor import examine
from dormouse.cli.findings import Finding
from dormouse.config import Settings


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A bin folder with a Postgres that only says its version."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("postgres", "initdb", "psql"):
        (folder / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17.2'\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def settings(tmp_path: Path, programs: Path) -> Settings:
    return Settings(home=tmp_path / "not yet there" / "home", pg_bin=programs, host_suffix="localhost")


def of(subject: str, findings: list[Finding]) -> list[tuple[str, str]]:
    return [(found.level, found.text) for found in findings if found.subject == subject]


def test_a_home_that_is_not_there_yet_is_fine(settings: Settings) -> None:
    assert of("home", examine(settings, {})) == [("fine", f"{settings.home}, the platform is down")]
    assert not settings.home.parent.exists()


def test_the_postgres_that_was_asked_for_is_told_with_what_it_lacks(settings: Settings) -> None:
    (found, lack) = of("postgres", examine(settings, {}))

    assert found[0] == "fine"
    assert found[1].startswith("17.2 from DORMOUSE_PG_BIN, 0 extensions, no contrib")
    assert lack == ("note", "without contrib there is no pg_trgm, hstore or citext")


def test_a_folder_without_a_postgres_must_be_mended(settings: Settings, programs: Path) -> None:
    (programs / "postgres").unlink()

    (found,) = of("postgres", examine(settings, {}))
    assert found[0] == "problem"
    assert str(programs) in found[1]


def test_an_address_that_others_can_reach_is_noted(settings: Settings) -> None:
    assert of("bind", examine(settings, {})) == []
    assert of("bind", examine(replace(settings, bind="0.0.0.0"), {})) == [
        ("note", "0.0.0.0: other machines can reach both ports")
    ]


def test_programs_are_looked_for_on_the_path_that_is_given(settings: Settings, programs: Path) -> None:
    found = examine(settings, {"PATH": str(programs)})

    assert of("psql", found) == [("fine", str(programs / "psql"))]


def test_without_a_pooler_one_is_told_what_becomes_of_pooled_hosts(settings: Settings) -> None:
    without = replace(settings, pgbouncer=Path("/nowhere/pgbouncer"))

    assert of("pooler", examine(without, {})) == [
        ("note", "there is no PgBouncer: -pooler hosts are served directly")
    ]
    assert of("pooler", examine(replace(without, pooler="required"), {}))[0][0] == "problem"


def test_variables_that_clients_obey_are_noted_without_their_values(settings: Settings) -> None:
    (found,) = of("environment", examine(settings, {"PGPASSWORD": "secret", "PGHOSTADDR": "10.0.0.1"}))

    assert found == ("note", "PGHOSTADDR, PGPASSWORD set: libpq's clients obey them")


def test_there_is_room_and_a_way_to_clone(settings: Settings) -> None:
    ((_, text),) = of("storage", examine(settings, {}))

    assert re.fullmatch(r"(copy: copies every byte, since|reflink: clones share) .*; [0-9.]+ .B free", text)


def test_the_way_to_clone_may_be_chosen(settings: Settings) -> None:
    ((_, text),) = of("storage", examine(replace(settings, storage="copy"), {}))

    assert text.startswith("copy: copies every byte, as DORMOUSE_STORAGE=copy asks; ")


def test_programs_are_told_what_a_branch_of_each_project_costs() -> None:
    # One of its own: where there are many projects, those that cost least are summed up.
    with platform_in(new_home()) as platform:
        project = platform.create().project
        done = platform.run("doctor", "--json")
        told = platform.run("doctor").stdout

    (found,) = [one for one in json.loads(done.stdout) if one["facts"].get("project") == project]
    assert found["subject"] == "storage"
    assert found["facts"]["files"] > 500
    assert 0 < found["facts"]["clone_seconds"] < 60
    assert 0 < found["facts"]["clone_bytes"] < 500_000_000
    assert project in told
