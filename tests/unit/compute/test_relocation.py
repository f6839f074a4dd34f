import stat
from dataclasses import replace
from pathlib import Path

import pytest

from dormouse.compute.binaries import Postgres
from dormouse.compute.relocation import relocate
from dormouse.errors import PostgresNotFound


def write(path: Path, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(path.name)
    path.chmod(mode)


@pytest.fixture
def bundled(tmp_path: Path) -> Postgres:
    """As the wheel lies in a folder that was unpacked under a strict umask."""
    package = tmp_path / "site-packages" / "pgserver"
    write(package / "pginstall18" / "bin" / "postgres", 0o700)
    write(package / "pginstall18" / "share" / "postgresql" / "postgres.bki")
    write(package / "pginstall18" / "lib" / "libpq.a")
    write(package / "pginstall18" / "include" / "pg_config.h")
    write(package / "pginstall" / "bin" / "postgres", 0o700)
    write(tmp_path / "site-packages" / "pgserver.libs" / "libssl.so")
    for folder in ("copies", "building"):
        (tmp_path / folder).mkdir()
    return Postgres(bin=package / "pginstall18" / "bin", version="18.4", source="bundled", enterable=False)


def relocated(postgres: Postgres, tmp_path: Path) -> Postgres:
    return relocate(postgres, tmp_path / "copies", tmp_path / "building")


def test_the_copy_has_the_shape_of_the_wheel(bundled: Postgres, tmp_path: Path) -> None:
    found = relocated(bundled, tmp_path)

    root = tmp_path / "copies" / "18.4-bundled"
    assert found == replace(bundled, bin=root / "pgserver" / "pginstall18" / "bin", enterable=True)
    assert {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} == {
        "pgserver/pginstall18/bin/postgres",
        "pgserver/pginstall18/share/postgresql/postgres.bki",
        "pgserver.libs/libssl.so",
    }


def test_everybody_may_use_the_copy(bundled: Postgres, tmp_path: Path) -> None:
    root = relocated(bundled, tmp_path).bin.parents[2]

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
    assert {modes[name] for name in (root.name, "share", "postgres")} == {0o755}
    assert modes["postgres.bki"] == 0o644


def test_a_copy_is_made_once(bundled: Postgres, tmp_path: Path) -> None:
    first = relocated(bundled, tmp_path)
    (first.bin / "postgres").write_text("as it was")

    assert relocated(bundled, tmp_path) == first
    assert (first.bin / "postgres").read_text() == "as it was"


def test_what_an_interrupted_copy_left_is_no_part_of_it(bundled: Postgres, tmp_path: Path) -> None:
    write(tmp_path / "building" / "postgres-18.4-bundled" / "half")

    root = relocated(bundled, tmp_path).bin.parents[2]

    assert not (root / "half").exists()
    assert list((tmp_path / "building").iterdir()) == []


def test_only_the_bundled_one_can_be_moved(bundled: Postgres, tmp_path: Path) -> None:
    with pytest.raises(PostgresNotFound, match="cannot be executed by the user that Postgres runs as"):
        relocated(replace(bundled, source="PATH"), tmp_path)
