"""A copy of Postgres where the user that runs it can enter.

As root the bundled one may lie below `/root`. Its programs find their libraries, and the server its share
folder, by paths relative to themselves, so the tree is copied in the shape that it has in the wheel.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from dormouse.compute.binaries import Postgres
from dormouse.errors import PostgresNotFound
from dormouse.storage.durable import rename_durably, sync_tree

__all__ = ["relocate"]


def relocate(postgres: Postgres, copies: Path, building: Path) -> Postgres:
    """The same Postgres from a copy below `copies`, made at the first call.

    Only the bundled one can be moved. Raises PostgresNotFound for another, OSError when copying fails.
    """
    if postgres.source != "bundled":
        raise PostgresNotFound(
            f"Postgres {postgres.version} in {postgres.bin} cannot be executed by the user that Postgres runs as",
            "let others enter that folder (chmod o+rx), or set DORMOUSE_PG_BIN to another one",
        )
    install = postgres.bin.parent
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    copy = copies / postgres.key
    if not copy.is_dir():
        beside = building / f"postgres-{postgres.key}"
        shutil.rmtree(beside, ignore_errors=True)
        (beside / package.name).mkdir(parents=True)
        shutil.copytree(
            install, beside / package.name / install.name, ignore=shutil.ignore_patterns("include", "*.a", "pgxs")
        )
        if libraries.is_dir():
            shutil.copytree(libraries, beside / libraries.name)
        _open_to_all(beside)
        sync_tree(beside)
        copies.mkdir(mode=0o755, exist_ok=True)
        rename_durably(beside, copy)
    return replace(postgres, bin=copy / package.name / install.name / "bin", enterable=True)


def _open_to_all(root: Path) -> None:
    """The wheel's files may have been unpacked under a strict umask."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
