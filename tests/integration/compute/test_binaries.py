"""Looking for Postgres among folders with programs that only say a version."""

from pathlib import Path

import pytest

from dormouse.compute.binaries import find_installed
from dormouse.errors import PostgresNotFound


def install(
    root: Path, says: str = "postgres (PostgreSQL) 17.2", *, extensions: str = "", share: str = "share"
) -> Path:
    """A bin folder below `root`, and a share folder that belongs to it."""
    folder = root / "bin"
    folder.mkdir(parents=True)
    for program in ("postgres", "initdb"):
        (folder / program).write_text(f"#!/bin/sh\necho '{says}'\n")
        (folder / program).chmod(0o755)
    controls = root / share / "extension"
    controls.mkdir(parents=True)
    for name in extensions.split():
        (controls / f"{name}.control").touch()
    return folder


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("postgres (PostgreSQL) 18.4", "18.4"),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"),
        ("postgres (PostgreSQL) 18beta2", "18beta2"),
    ],
)
def test_version_is_the_one_that_the_program_says(says: str, version: str, tmp_path: Path) -> None:
    (found,) = find_installed(install(tmp_path / "pg", says), {}, None)

    assert found.version == version
    assert found.source == "DORMOUSE_PG_BIN"


@pytest.mark.parametrize("says", ["postgres (PostgreSQL) 14.9", "postgres (PostgreSQL) 19.0", "hello", ""])
def test_other_programs_are_no_postgres_of_ours(says: str, tmp_path: Path) -> None:
    with pytest.raises(PostgresNotFound):
        find_installed(install(tmp_path / "pg", says), {}, None)


def test_a_program_that_cannot_be_executed_is_no_postgres(tmp_path: Path) -> None:
    folder = install(tmp_path / "pg")
    (folder / "postgres").chmod(0o644)

    with pytest.raises(PostgresNotFound):
        find_installed(folder, {}, None)


@pytest.mark.parametrize("program", ["postgres", "initdb"])
def test_a_folder_that_lacks_a_program_is_no_postgres(program: str, tmp_path: Path) -> None:
    folder = install(tmp_path / "pg")
    (folder / program).unlink()

    with pytest.raises(PostgresNotFound):
        find_installed(folder, {}, None)


@pytest.mark.parametrize(
    ("root", "share"),
    [
        ("100% o'clock ☃", "share"),
        ("pg", "share/postgresql"),
        ("lib/postgresql/17", "../../../share/postgresql/17"),
    ],
)
def test_extensions_are_those_of_its_share_folder(root: str, share: str, tmp_path: Path) -> None:
    folder = install(tmp_path / root, extensions="plpgsql pg_trgm", share=share)

    (found,) = find_installed(folder, {}, None)
    assert found.extensions == ("pg_trgm", "plpgsql")
    assert found.has_contrib


def test_the_one_on_the_path_is_the_first_of_its_major(tmp_path: Path) -> None:
    folder = install(tmp_path / "pg", "postgres (PostgreSQL) 17.99")

    found = find_installed(None, {"PATH": str(folder)}, None)
    assert next(postgres for postgres in found if postgres.major == 17).bin == folder


def test_a_link_on_the_path_leads_to_the_folder_with_all_programs(tmp_path: Path) -> None:
    folder = install(tmp_path / "pg")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "postgres").symlink_to(folder / "postgres")

    found = find_installed(None, {"PATH": str(tmp_path / "links")}, None)
    assert [postgres.bin for postgres in found if postgres.source == "PATH"] == [folder]


def test_newest_major_comes_first() -> None:
    found = find_installed(None, {"PATH": "/nonexistent"}, None)

    assert [postgres.major for postgres in found] == sorted((postgres.major for postgres in found), reverse=True)


def test_a_folder_that_is_found_in_two_ways_counts_once_as_the_first(tmp_path: Path) -> None:
    for postgres in find_installed(None, {"PATH": "/nonexistent"}, None):
        found = find_installed(None, {"PATH": str(postgres.bin)}, None)
        same = [each.source for each in found if each.bin.resolve() == postgres.bin.resolve()]
        assert same == ["PATH"]


def test_the_programs_are_asked_without_libpqs_variables(tmp_path: Path) -> None:
    folder = install(tmp_path / "pg", "postgres (PostgreSQL) 17.$PGPORT")
    (folder / "postgres").write_text('#!/bin/sh\necho "postgres (PostgreSQL) 17.${PGPORT-2}"\n')

    (found,) = find_installed(folder, {"PGPORT": "7"}, None)
    assert found.version == "17.2"
