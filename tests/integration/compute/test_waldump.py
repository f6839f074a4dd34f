"""pg_waldump on the WAL of real servers, told to stop at any record's end."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fix_servers import Servers, ask

from dormouse.compute.binaries import SUPPORTED_MAJORS, Postgres
from dormouse.compute.conf import WAL_SEGMENT_BYTES
from dormouse.compute.wal import PAGE_BYTES, page_header_bytes, parse_lsn
from dormouse.compute.waldump import first_record_end, last_record_end, read_commits

COMMITS = 4000
WRITE = f"""
DO $$ BEGIN
    FOR number IN 1..{COMMITS} LOOP
        INSERT INTO item VALUES (number, repeat('x', number % 50));
        COMMIT;
    END LOOP;
END $$
"""
FORGED = "rmgr: XLOG len (rec/tot): 24/ 24, tx: 0, lsn: F/00000028, prev 0/00000028, desc: NOOP"
LIE = rf"SELECT pg_logical_emit_message(true, E'x\n{FORGED}\n', 'x')"
FLUSHED = "SELECT pg_current_wal_flush_lsn()::text"


@dataclass(slots=True)
class Written:
    """The WAL of some thousand short transactions."""

    postgres: Postgres
    wal: Path
    begin: int
    end: int

    def ends(self) -> list[int]:
        """Of the commits."""
        return [commit.end for commit in read_commits(self.postgres, self.wal, self.begin, self.end)]


@pytest.fixture(scope="module", params=SUPPORTED_MAJORS, ids="postgres {}".format)
def written(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Written]:
    """Of each major version that is on this machine, one server."""
    postgres = next((one for one in servers.installed if one.major == request.param), None)
    if postgres is None:
        pytest.skip(f"Postgres {request.param} is not on this machine")
    with asyncio.Runner() as runner:
        server = servers.fresh(postgres)
        sockets = runner.run(server.__aenter__())
        runner.run(ask(sockets, "CREATE TABLE item (number int, text text)", role="neondb_owner"))
        ((begin,),) = runner.run(ask(sockets, FLUSHED))
        runner.run(ask(sockets, WRITE))
        runner.run(ask(sockets, LIE))
        ((end,),) = runner.run(ask(sockets, FLUSHED))
        yield Written(postgres, sockets.parent / "data" / "pg_wal", parse_lsn(begin), parse_lsn(end))
        runner.run(server.__aexit__(None, None, None))


def test_every_commit_is_found(written: Written) -> None:
    commits = read_commits(written.postgres, written.wal, written.begin, written.end)

    assert len(commits) >= COMMITS
    assert [commit.end for commit in commits] == sorted(commit.end for commit in commits)
    assert [commit.at for commit in commits] == sorted(commit.at for commit in commits)


def test_a_commit_is_found_though_only_its_last_bytes_lie_on_the_page(written: Written) -> None:
    ends = written.ends()
    tails = [end for end in ends if 0 < end % PAGE_BYTES <= header(end) + 16][:8]
    assert tails, "none of them crosses a page just so: write more"

    for end in tails:
        begin = max(other for other in ends if end - 4 * PAGE_BYTES < other < end and other % PAGE_BYTES)
        commits = read_commits(written.postgres, written.wal, begin, end)
        assert [commit.end for commit in commits][-1:] == [end]
        assert last_record_end(written.postgres, written.wal, begin, end) == end


def test_in_the_middle_of_a_record_the_one_before_is_the_last(written: Written) -> None:
    ends = written.ends()
    # The next record begins right behind the header of a page, or in it.
    borders = [end for end in ends if end % PAGE_BYTES == 0][:4]
    assert borders, "none of them ends where its page does: write more"

    for border in borders:
        begin = max(other for other in ends if border - PAGE_BYTES < other < border)
        for more in range(0, header(border + 1) + 24, 8):
            found = last_record_end(written.postgres, written.wal, begin, border + more)
            assert found == border


def test_a_record_is_found_where_it_begins(written: Written) -> None:
    ends = written.ends()
    begin = next(end for end in ends if end % PAGE_BYTES)

    end = first_record_end(written.postgres, written.wal, begin)

    assert begin < end <= next(other for other in ends if other > begin)


def test_what_a_client_wrote_into_the_wal_is_no_record(written: Written) -> None:
    found = last_record_end(written.postgres, written.wal, written.begin, written.end)

    assert written.begin < found <= written.end


def header(lsn: int) -> int:
    return page_header_bytes(lsn - lsn % PAGE_BYTES, WAL_SEGMENT_BYTES)
