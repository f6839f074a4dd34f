"""The archive's commands, run as Postgres runs them: by /bin/sh, in the data directory."""

import subprocess
from pathlib import Path

import pytest

from dormouse.storage.archive import ARCHIVE_COMMAND, REPLICA_RESTORE_COMMAND

SEGMENT = "00000001000000000000000C"


@pytest.fixture(params=["plain", "with spaces", 'it\'s "quoted"', "100% %f %p %%", "$HOME `id` ;", "☃", "-n"])
def incarnation(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / str(request.param)
    for folder in ("data/pg_wal", "wal", "replicas/ep-r/data/pg_wal"):
        (made / folder).mkdir(parents=True)
    return made


def run(command: str, cwd: Path, *, file: str, path: str) -> int:
    """Manual, 25.3.1: %p and %f are replaced once, and %% is a %."""
    whole = command.replace("%p", path).replace("%f", file)
    return subprocess.run(["/bin/sh", "-c", whole], cwd=cwd, stderr=subprocess.DEVNULL).returncode


def archive(incarnation: Path) -> int:
    return run(ARCHIVE_COMMAND, incarnation / "data", file=SEGMENT, path=f"pg_wal/{SEGMENT}")


def restore(incarnation: Path) -> int:
    replica = incarnation / "replicas" / "ep-r" / "data"
    return run(REPLICA_RESTORE_COMMAND, replica, file=SEGMENT, path="pg_wal/RECOVERYXLOG")


def test_an_archived_segment_is_the_segment_itself(incarnation: Path) -> None:
    segment = incarnation / "data" / "pg_wal" / SEGMENT
    segment.write_bytes(b"records")

    assert archive(incarnation) == 0
    assert (incarnation / "wal" / SEGMENT).samefile(segment)


def test_a_segment_that_comes_again_after_a_crash_is_well(incarnation: Path) -> None:
    (incarnation / "data" / "pg_wal" / SEGMENT).write_bytes(b"records")

    assert archive(incarnation) == 0
    assert archive(incarnation) == 0


def test_an_archived_segment_is_never_replaced(incarnation: Path) -> None:
    (incarnation / "data" / "pg_wal" / SEGMENT).write_bytes(b"other")
    (incarnation / "wal" / SEGMENT).write_bytes(b"records")

    assert archive(incarnation) != 0
    assert (incarnation / "wal" / SEGMENT).read_bytes() == b"records"


def test_a_replica_gets_a_copy_of_its_own(incarnation: Path) -> None:
    (incarnation / "wal" / SEGMENT).write_bytes(b"records")

    assert restore(incarnation) == 0
    restored = incarnation / "replicas" / "ep-r" / "data" / "pg_wal" / "RECOVERYXLOG"
    assert restored.read_bytes() == b"records"
    assert not restored.samefile(incarnation / "wal" / SEGMENT)


def test_a_segment_that_is_not_there_yet_is_exit_1(incarnation: Path) -> None:
    assert restore(incarnation) == 1
