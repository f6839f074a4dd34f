"""What is in the WAL, read by `pg_waldump`, which comes with the server that wrote it."""

import re
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dormouse.compute.binaries import Postgres
from dormouse.compute.conf import WAL_SEGMENT_BYTES
from dormouse.compute.environment import child_environment
from dormouse.compute.wal import (
    PAGE_BYTES,
    RECORD_HEADER_BYTES,
    format_lsn,
    page_header_bytes,
    parse_lsn,
    record_end,
    segment_name,
    segment_number,
)
from dormouse.errors import WalLost

__all__ = [
    "Commit",
    "first_record_end",
    "last_commit_at",
    "last_record_end",
    "parse_commits",
    "parse_ends",
    "read_commits",
    "readable_end",
]

_RECORD: Final = re.compile(r"len \(rec/tot\): +\d+/ *(\d+), tx: +\d+, lsn: ([0-9A-F]+/[0-9A-F]+), .*?desc: (.*)$")
_COMMIT: Final = re.compile(r"COMMIT(?:_PREPARED)?.*? (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC")
_CONTINUES: Final = 0x0001
"""XLP_FIRST_IS_CONTRECORD, access/xlog_internal.h: the page begins with the rest of a record."""
_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Commit:
    """A committed transaction: where its record ends, and when it says it committed."""

    end: int
    at: datetime


def parse_commits(text: str) -> list[Commit]:
    """The commits among the records, in the order of the WAL."""
    found = []
    for length, lsn, description in _records(text):
        if (commit := _COMMIT.match(description)) is not None:
            at = datetime.fromisoformat(commit[1]).replace(tzinfo=UTC)
            found.append(Commit(record_end(lsn, length, WAL_SEGMENT_BYTES), at))
    return found


def parse_ends(text: str) -> list[int]:
    """Where each record ends, in the order of the WAL."""
    return [record_end(lsn, length, WAL_SEGMENT_BYTES) for length, lsn, _ in _records(text)]


def last_commit_at(commits: Iterable[Commit], moment: datetime) -> int | None:
    """Where the last commit at or before `moment` ends; None if all are later.

    The last in the order of the WAL: should the clock have been set back, a moment that was there twice means
    its second time.
    """
    return max((commit.end for commit in commits if commit.at <= moment), default=None)


def read_commits(postgres: Postgres, folder: Path, begin: int, end: int) -> list[Commit]:
    """The commits between two positions, from the segments in `folder`. Blocks. Raises WalLost."""
    if begin >= end:
        return []
    return parse_commits(_dump(postgres, folder, begin, _end(folder, end), "--rmgr=Transaction"))


def last_record_end(postgres: Postgres, folder: Path, begin: int, end: int) -> int:
    """Where the last whole record between two positions ends; `begin` if there is none. Blocks."""
    if begin >= end:
        return begin
    # A record may hold a client's words, such as the prefix of a logical message, and they a line like these.
    found = parse_ends(_dump(postgres, folder, begin, _end(folder, end)))
    return max((each for each in found if each <= end), default=begin)


def first_record_end(postgres: Postgres, folder: Path, begin: int) -> int:
    """Where the record at `begin` ends. Blocks. Raises WalLost if there is none."""
    ends = parse_ends(_dump(postgres, folder, begin, "--limit=1"))
    if not ends:
        raise WalLost(f"there is no record in the WAL at {format_lsn(begin)}")
    return ends[0]


def readable_end(folder: Path, end: int) -> int:
    """Where `pg_waldump` is to stop so that it shows the records that end at or before `end`. Blocks.

    Told to stop behind a page's header, but before a whole header of a record would fit, it reads that much of the
    page, and takes what its buffer held before for the record there. No record ends there, so that it may as well
    stop before the page; unless the page begins with the rest of one, which it reads as it should.
    """
    page = end - end % PAGE_BYTES
    whole = page + page_header_bytes(page, WAL_SEGMENT_BYTES) + RECORD_HEADER_BYTES
    return end if end == page or end >= whole or _continues(folder, page) else page


def _records(text: str) -> Iterable[tuple[int, int, str]]:
    for line in text.splitlines():
        if (found := _RECORD.search(line)) is not None:
            yield int(found[1]), parse_lsn(found[2]), found[3]


def _end(folder: Path, end: int) -> str:
    return f"--end={format_lsn(readable_end(folder, end))}"


def _continues(folder: Path, page: int) -> bool:
    path = folder / segment_name(segment_number(page, WAL_SEGMENT_BYTES), WAL_SEGMENT_BYTES)
    try:
        with path.open("rb") as file:
            file.seek(page % WAL_SEGMENT_BYTES)
            # Its magic number and its flags, two bytes each, in this machine's order.
            return bool(struct.unpack("=HH", file.read(4))[1] & _CONTINUES)
    except (OSError, struct.error) as error:
        raise WalLost(f"the WAL segment {path.name} could not be read: {error}") from error


def _dump(postgres: Postgres, folder: Path, begin: int, *options: str) -> str:
    command = [
        postgres.program("pg_waldump"),
        f"--path={folder}",
        f"--start={format_lsn(begin)}",
        *options,
    ]
    try:
        done = subprocess.run(
            command,
            env=child_environment({}),
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WalLost(f"pg_waldump could not read the WAL: {error}") from error
    # Between two positions there may be none, which it takes for an error.
    if done.returncode != 0 and "could not find a valid record" not in done.stderr:
        raise WalLost(f"pg_waldump could not read the WAL: {done.stderr.strip()}")
    return done.stdout
