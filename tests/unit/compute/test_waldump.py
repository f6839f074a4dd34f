import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.compute.conf import WAL_SEGMENT_BYTES
from dormouse.compute.wal import segment_name
from dormouse.compute.waldump import Commit, last_commit_at, parse_commits, parse_ends, readable_end
from dormouse.errors import StorageError

# What pg_waldump printed of: subtransactions, a prepared transaction that was committed, one that was rolled back,
# a rollback, a DROP TABLE. Lists of invalidation messages are cut short.

OF_15 = """\
rmgr: Transaction len (rec/tot):     50/    50, tx:        725, lsn: 0/00616868, prev 0/00616828, desc: COMMIT 2026-11-21 01:20:20.605232 UTC; subxacts: 726 727
rmgr: Heap        len (rec/tot):     59/    59, tx:        728, lsn: 0/006168A0, prev 0/00616868, desc: INSERT off 4 flags 0x00, blkref #0: rel 1663/5/16384 blk 0
rmgr: Transaction len (rec/tot):    242/   242, tx:        728, lsn: 0/006168E0, prev 0/006168A0, desc: PREPARE gid x: 2026-11-21 01:20:20.606053 UTC
rmgr: Transaction len (rec/tot):     42/    42, tx:          0, lsn: 0/006169D8, prev 0/006168E0, desc: COMMIT_PREPARED 728: 2026-11-21 01:20:20.606541 UTC
rmgr: Heap        len (rec/tot):     59/    59, tx:        729, lsn: 0/00616A08, prev 0/006169D8, desc: INSERT off 5 flags 0x00, blkref #0: rel 1663/5/16384 blk 0
rmgr: Transaction len (rec/tot):    242/   242, tx:        729, lsn: 0/00616A48, prev 0/00616A08, desc: PREPARE gid y: 2026-11-21 01:20:20.609887 UTC
rmgr: Transaction len (rec/tot):     42/    42, tx:          0, lsn: 0/00616B40, prev 0/00616A48, desc: ABORT_PREPARED 729: 2026-11-21 01:20:20.610756 UTC
rmgr: Heap        len (rec/tot):     59/    59, tx:        730, lsn: 0/00616B70, prev 0/00616B40, desc: INSERT off 6 flags 0x00, blkref #0: rel 1663/5/16384 blk 0
rmgr: Transaction len (rec/tot):     34/    34, tx:        730, lsn: 0/00616BB0, prev 0/00616B70, desc: ABORT 2026-11-21 01:20:20.613687 UTC
rmgr: Standby     len (rec/tot):     42/    42, tx:        731, lsn: 0/00616BD8, prev 0/00616BB0, desc: LOCK xid 731 db 5 rel 16384 
rmgr: Transaction len (rec/tot):    469/   469, tx:        731, lsn: 0/00616EE0, prev 0/00616EA8, desc: COMMIT 2026-11-21 01:20:20.614020 UTC; rels: base/5/16384; dropped stats: 2/5/16384; inval msgs: catcache 80 catcache 79 snapshot 2608 relcache 16384 snapshot 2608
rmgr: XLOG        len (rec/tot):     24/    24, tx:          0, lsn: 0/006170B8, prev 0/00616EE0, desc: SWITCH 
"""  # noqa: E501, W291
OF_18 = """\
rmgr: Heap        len (rec/tot):     59/    59, tx:        755, lsn: 0/00805FC0, prev 0/00805F80, desc: INSERT off: 3, flags: 0x00, blkref #0: rel 1663/5/16384 blk 0
rmgr: Transaction len (rec/tot):     50/    50, tx:        753, lsn: 0/00806018, prev 0/00805FC0, desc: COMMIT 2026-11-21 01:20:23.574538 UTC; subxacts: 754 755
rmgr: Heap        len (rec/tot):     59/    59, tx:        756, lsn: 0/00806050, prev 0/00806018, desc: INSERT off: 4, flags: 0x00, blkref #0: rel 1663/5/16384 blk 0
rmgr: Transaction len (rec/tot):    242/   242, tx:        756, lsn: 0/00806090, prev 0/00806050, desc: PREPARE gid x: 2026-11-21 01:20:23.575213 UTC
rmgr: Transaction len (rec/tot):     42/    42, tx:          0, lsn: 0/00806188, prev 0/00806090, desc: COMMIT_PREPARED 756: 2026-11-21 01:20:23.575477 UTC
rmgr: Heap        len (rec/tot):     59/    59, tx:        757, lsn: 0/008061B8, prev 0/00806188, desc: INSERT off: 5, flags: 0x00, blkref #0: rel 1663/5/16384 blk 0
rmgr: Transaction len (rec/tot):    242/   242, tx:        757, lsn: 0/008061F8, prev 0/008061B8, desc: PREPARE gid y: 2026-11-21 01:20:23.577462 UTC
rmgr: Transaction len (rec/tot):     42/    42, tx:          0, lsn: 0/008062F0, prev 0/008061F8, desc: ABORT_PREPARED 757: 2026-11-21 01:20:23.578003 UTC
rmgr: Heap        len (rec/tot):     59/    59, tx:        758, lsn: 0/00806320, prev 0/008062F0, desc: INSERT off: 6, flags: 0x00, blkref #0: rel 1663/5/16384 blk 0
rmgr: Transaction len (rec/tot):     34/    34, tx:        758, lsn: 0/00806360, prev 0/00806320, desc: ABORT 2026-11-21 01:20:23.578616 UTC
rmgr: Transaction len (rec/tot):    473/   473, tx:        759, lsn: 0/00806690, prev 0/00806658, desc: COMMIT 2026-11-21 01:20:23.578962 UTC; rels: base/5/16384; dropped stats: 2/5/16384; inval msgs: catcache 82 catcache 81 snapshot 2608 relcache 16384 snapshot 2608
rmgr: XLOG        len (rec/tot):     24/    24, tx:          0, lsn: 0/00806870, prev 0/00806690, desc: SWITCH 
"""  # noqa: E501, W291
CROSSING = """\
rmgr: XLOG        len (rec/tot):     49/  8241, tx:        752, lsn: 0/007F81F0, prev 0/007F6610, desc: FPI_FOR_HINT , blkref #0: rel 1663/5/2608 fork fsm blk 2 FPW
rmgr: Btree       len (rec/tot):     53/  6681, tx:        752, lsn: 0/007FF128, prev 0/007FDEF8, desc: INSERT_LEAF off: 290, blkref #0: rel 1663/5/3455 blk 1 FPW
rmgr: Heap        len (rec/tot):   1339/  1339, tx:        761, lsn: 0/00AFFB18, prev 0/00AFF5D8, desc: INSERT off: 4, flags: 0x00, blkref #0: rel 1663/5/16387 blk 251
"""  # noqa: E501
WIDE = (
    "rmgr: Transaction len (rec/tot): 1234567/1234567, tx: 4294967295, lsn: FFFF/FFF00028, prev FFFF/FFEFFFF8, "
    "desc: COMMIT 2026-11-21 01:20:23.000000 UTC; inval msgs: unrecognized id 9\n"
)
ENDS_OF_15 = [
    0x6168A0, 0x6168E0, 0x6169D8, 0x616A08, 0x616A48, 0x616B40, 0x616B70, 0x616BB0, 0x616BD8, 0x616C08, 0x6170B8,
    0x6170D0,
]  # fmt: skip
ENDS_OF_18 = [
    0x806000, 0x806050, 0x806090, 0x806188, 0x8061B8, 0x8061F8, 0x8062F0, 0x806320, 0x806360, 0x806388, 0x806870,
    0x806888,
]  # fmt: skip


def on(second: float) -> datetime:
    return datetime(2026, 11, 21, 1, 20, tzinfo=UTC) + timedelta(seconds=second)


@pytest.mark.parametrize(
    ("text", "commits"),
    [
        (OF_15, [(0x6168A0, 20.605232), (0x616A08, 20.606541), (0x6170B8, 20.614020)]),
        (OF_18, [(0x806050, 23.574538), (0x8061B8, 23.575477), (0x806870, 23.578962)]),
        # A moment on the second, and one of a program that leaves its zeros out.
        (WIDE, [(0x1_0000_0002_E4E8, 23)]),
        (WIDE.replace(".000000", ""), [(0x1_0000_0002_E4E8, 23)]),
        (CROSSING, []),
        ("", []),
        ("pg_waldump: error: could not find a valid record after 0/805FC0\n", []),
    ],
)
def test_commits_are_those_that_count(text: str, commits: list[tuple[int, float]]) -> None:
    assert parse_commits(text) == [Commit(end, on(second)) for end, second in commits]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        # Nearly each begins where the one before ends.
        (OF_15, ENDS_OF_15),
        (OF_18, ENDS_OF_18),
        # Each begins on one page and goes on upon others.
        (CROSSING, [0x7FA240, 0x800B70, 0xB00080]),
        ("", []),
        ("\n☃\nrmgr: Heap\n", []),
    ],
)
def test_where_each_record_ends(text: str, ends: list[int]) -> None:
    assert parse_ends(text) == ends


@pytest.mark.parametrize("word", ["ABORT", "ABORT_PREPARED 757:", "PREPARE gid COMMIT 2026-11-21 01:20:23 UTC:"])
def test_what_was_taken_back_is_no_commit(word: str) -> None:
    assert parse_commits(WIDE.replace("COMMIT", word, 1)) == []


# Which commit a moment means.


@pytest.mark.parametrize(
    ("moment", "end"),
    [(9.999_999, None), (10, 100), (10.000_001, 100), (19, 100), (20, 300), (29, 300), (30, 400), (99, 400)],
)
def test_the_last_commit_at_or_before_a_moment(moment: float, end: int | None) -> None:
    commits = [Commit(100, on(10)), Commit(200, on(20)), Commit(300, on(20)), Commit(400, on(30))]

    assert last_commit_at(commits, on(moment)) == end


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        (4, None),
        (5, 300),
        (10, 300),
        # These moments were there twice, and mean their second time.
        (15, 400),
        (20, 400),
        (25, 400),
    ],
)
def test_a_moment_that_was_there_twice_means_its_second_time(moment: float, end: int | None) -> None:
    commits = [Commit(100, on(10)), Commit(200, on(20)), Commit(300, on(5)), Commit(400, on(15))]

    assert last_commit_at(commits, on(moment)) == end


def test_two_that_commit_at_once_may_come_the_other_way_round_in_the_wal() -> None:
    commits = [Commit(100, on(10.000_002)), Commit(200, on(10.000_001))]

    assert last_commit_at(commits, on(10.000_001)) == 200


@given(st.lists(st.integers(0, 20), max_size=12), st.integers(-1, 21))
def test_what_commits_after_the_one_that_is_found_is_later(seconds: list[int], moment: int) -> None:
    commits = [Commit(number * 8, on(second)) for number, second in enumerate(seconds)]

    found = last_commit_at(iter(commits), on(moment))

    later = commits if found is None else [commit for commit in commits if commit.end > found]
    assert all(commit.at > on(moment) for commit in later)
    assert found is None or on(moment) >= commits[found // 8].at


# Where pg_waldump is to stop: in the first bytes of a page it does not always know what it has.

PAGE = 0x806000
SEGMENT = 0x900000


def write_page_header(folder: Path, page: int, flags: int) -> None:
    name = segment_name(page // WAL_SEGMENT_BYTES, WAL_SEGMENT_BYTES)
    with (folder / name).open("wb") as file:
        file.seek(page % WAL_SEGMENT_BYTES)
        file.write(struct.pack("=HHIQI", 0xD118, flags, 1, page, 8) + bytes(4))


@pytest.mark.parametrize(
    ("page", "into", "flags", "expected"),
    [
        # The page begins with a record of its own, which does not end there.
        (PAGE, 24, 0, 0),
        (PAGE, 40, 0, 0),
        (PAGE, 47, 0, 0),
        (PAGE, 48, 0, 48),
        (PAGE, 8000, 0, 8000),
        (SEGMENT, 40, 2, 0),
        (SEGMENT, 63, 2, 0),
        (SEGMENT, 64, 2, 64),
        # The last bytes of a record stand behind the header, and may end there.
        (PAGE, 32, 1, 32),
        (PAGE, 40, 1, 40),
        (PAGE, 48, 1, 48),
        (SEGMENT, 48, 3, 48),
        # There is nothing of the page to read.
        (PAGE, 0, 1, 0),
        (SEGMENT, 0, 3, 0),
    ],
)
def test_it_stops_before_a_page_of_whose_first_record_it_would_read_half_a_header(
    page: int, into: int, flags: int, expected: int, tmp_path: Path
) -> None:
    write_page_header(tmp_path, page, flags)

    assert readable_end(tmp_path, page + into) == page + expected


@pytest.mark.parametrize("into", [0, 48, 8191])
def test_where_that_does_not_matter_no_segment_is_read(into: int, tmp_path: Path) -> None:
    assert readable_end(tmp_path / "missing", PAGE + into) == PAGE + into


@pytest.mark.parametrize("content", [None, b"", bytes(0x6002)])
def test_a_segment_that_is_lost_or_too_short_is_named(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "000000010000000000000008").write_bytes(content)

    with pytest.raises(StorageError, match="WAL segment 000000010000000000000008 could not be read"):
        readable_end(tmp_path, PAGE + 32)
