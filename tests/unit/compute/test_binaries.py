from pathlib import Path

import pytest

from dormouse.compute.binaries import Postgres, choose, default_of, find_installed
from dormouse.errors import PostgresNotFound


def postgres(version: str, *extensions: str, source: str = "system") -> Postgres:
    return Postgres(bin=Path(f"/opt/{version}/bin"), version=version, source=source, extensions=extensions)  # type: ignore[arg-type]


BARE_18 = postgres("18.4", "plpgsql", source="bundled")
FULL_17 = postgres("17.2", "pg_trgm", "plpgsql")
FULL_15 = postgres("15.18", "pg_trgm", "plpgsql", source="PATH")


@pytest.mark.parametrize(
    ("version", "major"),
    [("18.4", 18), ("15.18", 15), ("18beta2", 18), ("17rc1", 17), ("18devel", 18), ("18", 18)],
)
def test_major_of_a_version(version: str, major: int) -> None:
    assert postgres(version).major == major


def test_key_and_programs() -> None:
    assert FULL_15.key == "15.18-path"
    assert FULL_15.program("initdb") == "/opt/15.18/bin/initdb"


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ([BARE_18], BARE_18),
        ([BARE_18, FULL_17, FULL_15], FULL_17),
        ([FULL_15, FULL_17], FULL_17),
        ([BARE_18, postgres("16.1")], BARE_18),
    ],
)
def test_default_is_the_newest_with_contrib_or_else_the_newest(
    installed: list[Postgres], expected: Postgres
) -> None:
    assert default_of(installed) is expected
    assert choose(installed, None) is expected


def test_within_a_major_the_first_is_chosen() -> None:
    second = postgres("17.9", "pg_trgm")

    assert choose(iter([BARE_18, FULL_17, second]), 17) is FULL_17
    assert default_of([FULL_17, second]) is FULL_17


def test_a_major_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(PostgresNotFound, match="Postgres 16 is not on this machine; found: 15, 18"):
        choose([BARE_18, FULL_15, FULL_15], 16)


@pytest.mark.parametrize("major", [None, 17])
def test_a_machine_without_postgres_is_told_how_to_get_one(major: int | None) -> None:
    with pytest.raises(PostgresNotFound, match="no Postgres 15 to 18 was found") as caught:
        choose([], major)

    assert "DORMOUSE_PG_BIN" in caught.value.hint


@pytest.mark.parametrize("programs", [[], ["postgres"], ["initdb"]])
def test_a_folder_without_the_programs_is_no_postgres(programs: list[str], tmp_path: Path) -> None:
    for program in programs:
        (tmp_path / program).touch()

    with pytest.raises(PostgresNotFound, match=f"DORMOUSE_PG_BIN is {tmp_path}, and there is no Postgres"):
        find_installed(tmp_path, {}, None)
