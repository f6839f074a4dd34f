"""Going back: what a point means on a branch, and data directories that are as the branch was there."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from dormouse.compute.binaries import Postgres, choose
from dormouse.compute.conf import WAL_SEGMENT_BYTES, Identity, primary_settings
from dormouse.compute.control_file import read_control_data
from dormouse.compute.lifecycle import ComputeState
from dormouse.compute.server import Server, running
from dormouse.compute.supervisor import Compute
from dormouse.compute.wal import format_lsn, parse_lsn
from dormouse.compute.waldump import last_commit_at
from dormouse.control.catalog import Catalog
from dormouse.control.computes import Computes
from dormouse.control.configuring import read_server
from dormouse.control.encoding import from_json, to_json
from dormouse.control.history import (
    base_before,
    bases_of,
    commits_between,
    copy_to_point,
    cut_at,
    link_history,
)
from dormouse.control.machine import Machine
from dormouse.control.model import Branch
from dormouse.control.narrowing import earliest_of, narrow, time_of
from dormouse.control.past import History, LedgerEntry
from dormouse.control.points import AtLsn, Head, Point
from dormouse.control.reconciling import OnServer
from dormouse.control.sharing import Sharing
from dormouse.errors import RuleViolation, StartFailed, WalLost
from dormouse.names import EndpointId, Incarnation
from dormouse.storage.durable import storage_error, write_atomically
from dormouse.storage.layout import BranchFolder

__all__ = ["Rewinder", "Settled", "forget_settled", "read_settled"]

_SETTLED: Final = "settled.json"
_HEAD: Final = "SELECT pg_current_wal_flush_lsn()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a data directory has, read from a server that ran on it for a moment before anybody was let in.

    It lies beside the data until the records say so too.
    """

    server: OnServer = field(default_factory=OnServer)
    end_of_wal: str = ""


class Rewinder:
    """Knows the past of all branches."""

    def __init__(self, catalog: Catalog, machine: Machine, computes: Computes) -> None:
        self._catalog = catalog
        self._machine = machine
        self._computes = computes
        self._sharing: dict[Incarnation, Sharing] = {}

    def reading(self, incarnation: Incarnation) -> Sharing:
        """Who reads the past of a life shares this; who removes a part of it has it alone."""
        return self._sharing.setdefault(incarnation, Sharing())

    def folder(self, branch: Branch) -> BranchFolder:
        """Where the data of a branch lies."""
        return self._machine.layout.branch(branch.project_id, branch.id, branch.incarnation)

    def postgres(self, branch: Branch) -> Postgres:
        """The one that its data is of. Raises PostgresNotFound."""
        return choose(self._machine.installed, self._catalog.projects[branch.project_id].pg_version)

    async def resolve(self, branch: Branch, point: Point) -> int | None:
        """The position that a point means on a branch; None is the head, to which later ones are clamped.

        Raises RuleViolation for one that is too far back, with the earliest that there is.
        """
        if isinstance(point, Head) or (not isinstance(point, AtLsn) and point.time >= self._machine.now()):
            return None
        head = await self.head(branch)
        history = await self.history(branch, head)
        if isinstance(point, AtLsn):
            if point.lsn >= head:
                return None
            if point.lsn < history.earliest_lsn:
                raise _too_far_back(format_lsn(point.lsn), history)
            return point.lsn
        if point.time < history.earliest_time:
            raise _too_far_back(point.time.isoformat(), history)
        return await self._position_at(branch, point.time, history)

    async def head(self, branch: Branch) -> int:
        """Up to where it has written. One that ended without an orderly stop is woken for that."""
        branch = self._catalog.branches[branch.id]
        primary = self._computes.primary(branch.id)
        asleep = primary is None or primary.state in (ComputeState.ASLEEP, ComputeState.FAILED)
        if primary is None or (asleep and branch.stopped_cleanly):
            return parse_lsn(branch.end_of_wal) if branch.end_of_wal else 0
        async with self._computes.held_awake(primary) as server:
            try:
                row = await server.ask(_HEAD)
            except psycopg.Error as error:
                raise StartFailed(f"the compute {primary.endpoint} does not answer: {error}") from error
        return parse_lsn(row[0]) if row else 0

    async def history(self, branch: Branch, head: int | None = None) -> History:
        """From when on it can be restored. `own_bytes` is not counted here."""
        entries = await self._catalog.ledger(branch.incarnation)
        bases = await asyncio.to_thread(bases_of, self.folder(branch))
        now = self._machine.now()
        if head is None:
            # Without waking it, or asking it: what is known.
            stopped_at = parse_lsn(branch.end_of_wal) if branch.end_of_wal else 0
            head = max([stopped_at, *(entry.lsn for entry in entries[-1:])])
        if not bases:
            return History(earliest_lsn=head, earliest_time=now, head_lsn=head, own_bytes=0, bases=0)
        retention = timedelta(seconds=self._catalog.projects[branch.project_id].history_retention_seconds)
        first = bases[0].lsn
        oldest = earliest_of(entries, first) or now
        window = narrow(entries, now - retention)
        begins_at = entries[0].lsn if entries else 0
        return History(
            earliest_lsn=max(first, window.begin if window is not None else begins_at),
            earliest_time=max(oldest, now - retention),
            head_lsn=head,
            own_bytes=0,
            bases=len(bases),
        )

    async def _position_at(self, branch: Branch, moment: datetime, history: History) -> int:
        # With the present, in which the clock may be behind what was noted last.
        present = LedgerEntry(incarnation=branch.incarnation, lsn=history.head_lsn, at=self._machine.now())
        stretch = narrow([*await self._catalog.ledger(branch.incarnation), present], moment)
        if stretch is None:
            raise _too_far_back(moment.isoformat(), history)
        begin = max(stretch.begin, history.earliest_lsn)
        end = history.head_lsn if stretch.end is None else min(stretch.end, history.head_lsn)
        # Where the server had flushed to when it was asked may be a page's end in the middle of a commit's record,
        # which pg_waldump would skip: so look from before it. And from a segment's start: behind a switch the rest
        # of one is empty, and pg_waldump finds nothing at all when it is told to begin there.
        first = max(history.earliest_lsn, (begin // WAL_SEGMENT_BYTES - 1) * WAL_SEGMENT_BYTES)
        folder, postgres = self.folder(branch), self.postgres(branch)

        def look() -> int | None:
            return last_commit_at(commits_between(self._machine, postgres, folder, first, end), moment)

        if begin >= end:
            return begin
        async with self.explaining(branch.incarnation, first), self.reading(branch.incarnation).shared():
            found = await asyncio.to_thread(look)
        return begin if found is None else max(found, begin)

    def holder(self, incarnation: Incarnation) -> Branch:
        """Whose data that life is now: after a restore that preserved it, not the branch that it was of.

        Raises RuleViolation if nobody has it any more.
        """
        for branch in self._catalog.branches.values():
            if branch.incarnation == incarnation:
                return branch
        raise RuleViolation("the branch that the data was to come from was deleted or restored meanwhile")

    async def fill_from_past(self, incarnation: Incarnation, lsn: int, work: BranchFolder) -> int:
        """Put into `work` what a life was at a position, and its past; returns where replay is to end."""

        def fill(postgres: Postgres, source: BranchFolder) -> int:
            base = base_before(source, lsn)
            cut = cut_at(self._machine, postgres, source, base, lsn)
            copy_to_point(self._machine, source, base, cut, work)
            link_history(source, work, cut, self._machine.owner)
            return cut

        try:
            async with self.reading(incarnation).shared():
                # Only now: until here somebody may have handed it over.
                holder = self.holder(incarnation)
                return await asyncio.to_thread(fill, self.postgres(holder), self.folder(holder))
        except OSError as error:
            raise storage_error(error, "build a past state", self._machine.layout.home) from error

    @asynccontextmanager
    async def explaining(self, incarnation: Incarnation, lsn: int) -> AsyncIterator[None]:
        """While a position of the past is read: an error that WAL is lost gets the words of what can be had."""
        try:
            yield
        except WalLost as error:
            bases = await asyncio.to_thread(bases_of, self.folder(self.holder(incarnation)))
            later = [base.lsn for base in bases if base.lsn > lsn]
            left = "the present"
            if later:
                entries = await self._catalog.ledger(incarnation)
                at = time_of(entries, later[0]) or self._machine.now()
                left = f"what was from {at.isoformat(timespec='milliseconds')} ({format_lsn(later[0])}) on"
            raise WalLost(f"{error.message}; what was before that can be restored, and {left}") from error

    async def link_history(self, incarnation: Incarnation, work: BranchFolder, upto: int) -> None:
        """Give `work` the past of a life up to a position. Raises OSError, StorageError, RuleViolation."""
        async with self.reading(incarnation).shared():
            source = self.folder(self.holder(incarnation))
            await asyncio.to_thread(link_history, source, work, upto, self._machine.owner)

    async def settle(
        self,
        branch: Branch,
        work: BranchFolder,
        verifiers: Mapping[str, str],
        *,
        reach: int | None = None,
        strangers: bool = True,
    ) -> Settled:
        """Run a server on `work` for a moment: replay, give roles these passwords, and write down what there is.

        Other roles keep the passwords that they had then; without `strangers` they have none.
        Raises WalLost if replay does not get to `reach`, which a damaged WAL would do without a word.
        """
        async with self.server_on(branch, work, reach=reach) as server, server.admin() as connection:
            there = await read_server(connection)
            for role, then in there.verifiers.items():
                verifier = verifiers.get(role, then if strangers else None)
                if verifier != then:
                    await connection.execute(
                        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
                    )
            there = await read_server(connection)

        def write() -> Settled:
            control = read_control_data(self.postgres(branch), work.data)
            settled = Settled(server=there, end_of_wal=format_lsn(control.checkpoint))
            write_atomically(work.root / _SETTLED, to_json(settled))
            return settled

        return await asyncio.to_thread(write)

    @asynccontextmanager
    async def server_on(
        self, branch: Branch, work: BranchFolder, *, reach: int | None = None
    ) -> AsyncIterator[Server]:
        """A server on data that is not a branch's yet, for the length of a block. No client can reach it.

        It syncs nothing: who gives the data its place syncs all of it, and nobody else is to find it again.
        """
        socket_dir = self.new_socket_dir()
        identity = Identity(
            endpoint=EndpointId(f"building-{work.root.name}"[:60]),
            incarnation=Incarnation(work.root.name.rpartition("-")[2]),
            socket_dir=socket_dir,
        )
        postgres = self.postgres(branch)
        try:
            async with running(
                postgres,
                work.data,
                settings={**primary_settings(identity, postgres.major), "fsync": "off"},
                socket_dir=socket_dir,
                account=self._machine.account,
                timeout_s=self._machine.start_timeout_s,
            ) as server:
                if reach is not None:
                    await _check_reached(server, reach)
                yield server
        except psycopg.Error as error:
            raise StartFailed(f"a server on a past state does not answer: {error}") from error
        finally:
            await asyncio.to_thread(_remove_folder, socket_dir)

    def new_socket_dir(self) -> Path:
        """A short one that nobody else uses."""
        return self._machine.sockets / secrets.token_hex(5)

    def primary_awake(self, branch: Branch) -> Compute | None:
        """The primary of a branch if it is not asleep."""
        primary = self._computes.primary(branch.id)
        asleep = primary is None or primary.state in (ComputeState.ASLEEP, ComputeState.FAILED)
        return None if asleep else primary


def read_settled(folder: BranchFolder) -> Settled | None:
    """What was written down of data that the records do not know yet. Blocks."""
    try:
        text = (folder.root / _SETTLED).read_text("utf-8")
    except FileNotFoundError:
        return None
    found: Settled = from_json(Settled, text)
    return found


def forget_settled(folder: BranchFolder) -> None:
    """The records know. Blocks."""
    (folder.root / _SETTLED).unlink(missing_ok=True)


async def _check_reached(server: Server, reach: int) -> None:
    # Recovery ends with a checkpoint, whose record stands behind the last one that was replayed.
    row = await server.ask("SELECT checkpoint_lsn FROM pg_control_checkpoint()")
    reached = parse_lsn(row[0]) if row else 0
    if reached < reach:
        raise WalLost(
            f"the WAL could be replayed up to {format_lsn(reached)} only, and not to {format_lsn(reach)}: "
            "a segment of it is damaged"
        )


def _too_far_back(what: str, history: History) -> RuleViolation:
    return RuleViolation(
        f"{what} is too far back: the earliest moment that can be restored is "
        f"{history.earliest_time.isoformat(timespec='milliseconds')} ({format_lsn(history.earliest_lsn)})"
    )


def _remove_folder(folder: Path) -> None:
    for path in folder.glob("*"):
        path.unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()
