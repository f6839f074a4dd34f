"""What is lost from the past on disk, or cannot be written: a clear error, nothing half there, no wrong rows."""

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fix_past import (
    Diary,
    branched,
    branched_without_compute,
    diary_of,
    failure_of,
    folder_of,
    is_swept,
    until_at_rest,
)
from fix_platform import Made, Platform, rows, wait_until

from dormouse.api.bodies import EndpointCreate
from dormouse.api.errors import Refused
from dormouse.compute.conf import WAL_SEGMENT_BYTES
from dormouse.compute.wal import format_lsn, segment_name, segment_number

pytestmark = pytest.mark.faults


def test_a_branch_whose_first_start_was_cut_off_starts_anew(platform: Platform) -> None:
    """Postgres itself would refuse for ever, since it has put the backup's label aside already."""
    made = platform.create()
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    branch = branched_without_compute(platform, made)
    until_at_rest(platform, made)
    (data,) = platform.home.glob(f"projects/{made.project}/branches/{branch}/*/data")
    (segment,) = data.glob("pg_wal/0*")
    segment.rename(data.parent / "aside")
    # As if it had been killed in the middle: up to the checkpoint it begins with.
    beginning = (data.parent / "aside").read_bytes()[:0xD8]
    segment.write_bytes(beginning.ljust(1 << 20, b"\0"))
    segment.chmod(0o666)
    wanted = EndpointCreate(branch_id=branch, type="read_write")
    endpoint = platform.client.create_endpoint(made.project, wanted).endpoint
    url = made.url.replace(made.primary, endpoint.id)
    with pytest.raises(psycopg.OperationalError, match="ended at start"):
        rows(url)
    assert (data / "backup_label.old").exists()

    (data.parent / "aside").rename(segment)

    assert rows(url, "SELECT i FROM t") == [(1,)]
    assert not (data / "backup_label.old").exists()


@pytest.fixture(scope="module")
def diary(platform: Platform) -> Diary:
    """Rows of several segments, all archived, and a sleep after each forty."""
    diary = Diary(platform.create())
    for _ in range(5):
        diary.write(40)
        platform.put_to_sleep(diary.made)
    return diary


@contextlib.contextmanager
def spoilt(path: Path, spoil: Callable[[bytes], bytes | None]) -> Iterator[None]:
    """A file with another content, or none, for the length of a block."""
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        if (content := spoil(aside.read_bytes())) is not None:
            path.write_bytes(content)
            path.chmod(0o666)
        yield
    finally:
        aside.rename(path)


def overwritten(content: bytes) -> bytes:
    """Noise where records are."""
    middle = len(content) // 2
    return content[:middle] + b"\xa5" * 400 + content[middle + 400 :]


def headless(content: bytes) -> bytes:
    """The first page was never written."""
    return bytes(8192) + content[8192:]


DAMAGE = {"lost": lambda _: None, "overwritten": overwritten, "headless": headless}


@pytest.mark.parametrize("spoil", DAMAGE.values(), ids=DAMAGE)
def test_a_segment_that_is_spoilt(
    platform: Platform, diary: Diary, spoil: Callable[[bytes], bytes | None]
) -> None:
    """Before it every moment can be had, behind it none; the branch itself goes on."""
    made, marks = diary.made, diary.marks
    branches, folder = platform.client.branches(made.project).branches, folder_of(platform, made)
    # The first one after a sleep: what is looked through for a moment may begin in it.
    number = segment_number(marks[120].lsn_before, WAL_SEGMENT_BYTES)
    name, behind = segment_name(number, WAL_SEGMENT_BYTES), (number + 1) * WAL_SEGMENT_BYTES
    before = max(mark.number for mark in marks if mark.lsn_after < number * WAL_SEGMENT_BYTES)
    after = next(mark for mark in marks if mark.lsn_before > behind)

    with spoilt(folder.wal / name, spoil):
        fine = [
            branched(platform, made, lsn=format_lsn(marks[before].lsn_after)),
            # By time the WAL is looked through up to the second sleep after it.
            branched(platform, made, time=marks[39].time_after),
            branched(platform, made),
        ]
        told = [
            refusal(platform, made, {"time": after.time_after}),
            refusal(platform, made, {"lsn": format_lsn(after.lsn_after)}),
            refusal(platform, made, {"lsn": format_lsn(marks[-2].lsn_after)}),
        ]
        found = [diary_of(branch.url) for branch in fine]

    assert found == [list(range(before + 1)), list(range(40)), list(range(200))]
    for message in told:
        assert re.search(f"{name} is missing|could not read the WAL|could be replayed up to|no record", message)
        assert message.endswith("what was before that can be restored, and the present")
    for branch in fine:
        platform.client.delete_branch(made.project, branch.branch, hard=True)
    assert platform.client.branches(made.project).branches == branches
    wait_until(lambda: is_swept(platform), "nothing is half built")


def refusal(platform: Platform, made: Made, point: dict[str, Any]) -> str:
    """What is said of a branch that cannot be made, at once or by its operation; nobody can enter it."""
    try:
        branch = branched(platform, made, **point)
    except Refused as refused:
        return str(refused)
    with pytest.raises(psycopg.OperationalError):
        rows(branch.url)
    return failure_of(platform, made)
