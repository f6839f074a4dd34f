"""What the control plane does at each turn of a compute's life: before its start, when it runs, as it stops.

A primary is given the roles and databases of the records on its way up, and leaves its verifiers and the end
of its WAL in the records on its way down. A replica is not ready before it is current.
"""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Final

import psycopg

from dormouse.compute.binaries import Postgres, choose
from dormouse.compute.conf import (
    WAL_SEGMENT_BYTES,
    Identity,
    primary_settings,
    replica_settings,
)
from dormouse.compute.control_file import ControlData
from dormouse.compute.lifecycle import ComputeState
from dormouse.compute.server import Server
from dormouse.compute.supervisor import Compute, Duty, Start
from dormouse.compute.wal import format_lsn, has_replayed, parse_lsn
from dormouse.control.changes import Change, Put
from dormouse.control.cloning import clone_standby
from dormouse.control.computes import Computes
from dormouse.control.configuring import agreed, configure, read_server
from dormouse.control.model import Branch, Endpoint, EndpointState, EndpointType, whole_second
from dormouse.control.past import LedgerEntry
from dormouse.control.reconciling import OnServer
from dormouse.errors import RuleViolation, StartFailed
from dormouse.names import EndpointId
from dormouse.storage.layout import BranchFolder

__all__ = ["PrimaryDuty", "ReplicaDuty", "duty_of"]

_POLL_S: Final = 0.005
_REPLAY_STALL_S: Final = 60.0
"""How long a replica may make no progress before its start has failed."""
_DRAIN_S: Final = 0.2
"""How long a primary that stops waits for its replicas; a slower one finds the rest in the archive."""

_CUT_CLIENTS: Final = (
    "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_REPLICAS_BEHIND: Final = (
    "SELECT count(*) FROM pg_stat_replication "
    "WHERE state = 'streaming' AND replay_lsn < pg_current_wal_flush_lsn()"
)


def duty_of(computes: Computes, endpoint: Endpoint) -> Duty:
    """The duty that goes with an endpoint's type."""
    if endpoint.type is EndpointType.READ_ONLY:
        return ReplicaDuty(computes, endpoint.id)
    return PrimaryDuty(computes, endpoint.id)


class PrimaryDuty:
    """A read-write compute: the roles of the records on the way up, the verifiers on the way down."""

    def __init__(self, computes: Computes, endpoint: EndpointId) -> None:
        self._computes = computes
        self._catalog = computes.catalog
        self._endpoint = endpoint
        self._on_server: OnServer | None = None

    async def prepare(self) -> Start:
        """Wait for the data directory, if that is still being made or is being cloned.

        Before the first change can happen, the records say that a crash would leave traces.
        """
        await self._catalog.until(lambda: _is_made(self._computes, self._endpoint))
        async with self._computes.still(_records(self._computes, self._endpoint)[1].id):
            return await self._prepare()

    async def _prepare(self) -> Start:
        endpoint, branch, postgres, folder = _records(self._computes, self._endpoint)
        self._on_server = None
        await self._catalog.commit(
            lambda: [
                Put(replace(self._catalog.branches[branch.id], stopped_cleanly=False)),
                _woke(self._computes, endpoint.id),
            ]
        )
        identity = await _identity(self._computes, endpoint, branch, postgres)
        return Start(
            postgres=postgres,
            data=folder.data,
            settings=primary_settings(identity, postgres.major),
            socket_dir=identity.socket_dir,
        )

    async def until_ready(self, server: Server) -> None:
        """Make what the records ask for; then tell the replicas that there is a primary again."""
        _, branch, _, _ = _records(self._computes, self._endpoint)
        if branch.config_pending:
            await configure(self._computes, server, branch.id)
        for replica in self._computes.replicas(branch.id):
            replica.reload()
        self._computes.changed.set()

    async def before_stop(self, server: Server) -> None:
        """Cut the clients, so that nobody changes a password after it was read."""
        await self._computes.poolers.stop(self._endpoint)
        async with server.admin() as connection:
            await connection.execute(_CUT_CLIENTS)
            self._on_server = await read_server(connection)
            # So that a replica which is awake shows the last commit as soon as its primary sleeps.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_S):
                    while not await self._replicas_are_current(connection):  # noqa: ASYNC110 - a server's state
                        await asyncio.sleep(_POLL_S)

    async def after_stop(self, control: ControlData | None) -> None:
        """Keep what the proxy and the replicas need while it sleeps."""
        await self._computes.poolers.stop(self._endpoint)
        endpoint = self._catalog.endpoints.get(self._endpoint)
        if endpoint is None:
            return
        # Without the verifiers of this stop the next client must wake it to be checked.
        clean = control is not None and control.is_clean and self._on_server is not None
        end_of_wal = format_lsn(control.checkpoint) if control is not None and clean else ""
        await self._catalog.commit(lambda: self._stopped(endpoint, clean=clean, end_of_wal=end_of_wal))
        for replica in self._computes.replicas(endpoint.branch_id):
            # Its last segment is in the archive now; a standby would look there only after some seconds.
            replica.reload()

    async def _replicas_are_current(self, connection: psycopg.AsyncConnection) -> bool:
        row = await (await connection.execute(_REPLICAS_BEHIND)).fetchone()
        return row is None or not row[0]

    def _stopped(self, endpoint: Endpoint, *, clean: bool, end_of_wal: str) -> list[Change]:
        branch = self._catalog.branches[endpoint.branch_id]
        changes = _slept(self._computes, endpoint.id)
        if end_of_wal:
            entry = LedgerEntry(
                incarnation=branch.incarnation, lsn=parse_lsn(end_of_wal), at=self._computes.machine.now()
            )
            changes.append(Put(entry))
        changes.append(
            Put(
                replace(
                    branch,
                    stopped_cleanly=clean,
                    end_of_wal=end_of_wal or branch.end_of_wal,
                    last_active=whole_second(self._computes.machine.now()),
                )
            )
        )
        if clean and self._on_server is not None:
            changes += agreed(self._computes, branch, self._on_server)
        return changes


class ReplicaDuty:
    """A read-only compute: a standby that is current before it answers."""

    def __init__(self, computes: Computes, endpoint: EndpointId) -> None:
        self._computes = computes
        self._catalog = computes.catalog
        self._endpoint = endpoint

    async def prepare(self) -> Start:
        """Wait for the data directory, if that is still being made.

        A primary that crashed is recovered first: what it had not archived is only in its own WAL.
        """
        await self._catalog.until(lambda: _is_made(self._computes, self._endpoint))
        endpoint, branch, postgres, folder = _records(self._computes, self._endpoint)
        primary = self._primary(branch)
        if not branch.stopped_cleanly and primary.state is not ComputeState.READY:
            await primary.wake(even_closed=True)
        data = folder.replica_data(endpoint.id)
        if not await asyncio.to_thread(data.is_dir):
            # Its branch was restored, or too much of the WAL that it needs is gone: it begins anew.
            await self._clone_anew(primary, folder.data, data)
        identity = await _identity(self._computes, endpoint, branch, postgres)
        return Start(
            postgres=postgres,
            data=data,
            settings=replica_settings(
                identity,
                postgres.major,
                primary_socket_dir=self._computes.machine.socket_dir(primary.endpoint),
            ),
            socket_dir=identity.socket_dir,
        )

    async def until_ready(self, server: Server) -> None:
        """Accepting connections is not being current: wait until it has replayed what its primary had."""
        _, branch, _, _ = _records(self._computes, self._endpoint)
        target = await self._end_of_wal(branch)
        loop = asyncio.get_running_loop()
        last, stalled_at = -1, loop.time() + _REPLAY_STALL_S
        async with server.admin() as connection:
            while True:
                cursor = await connection.execute("SELECT pg_last_wal_replay_lsn()")
                row = await cursor.fetchone()
                replayed = parse_lsn(row[0]) if row and row[0] else 0
                if has_replayed(replayed, target, WAL_SEGMENT_BYTES):
                    break
                now = loop.time()
                if replayed != last:
                    last, stalled_at = replayed, now + _REPLAY_STALL_S
                if now > stalled_at:
                    raise StartFailed(
                        f"the replica stands at {format_lsn(replayed)} and its primary was at "
                        f"{format_lsn(target)}; no progress for {_REPLAY_STALL_S:g} s",
                        server.log_tail(),
                    )
                await asyncio.sleep(_POLL_S)
        await self._catalog.commit(lambda: [_woke(self._computes, self._endpoint)])
        self._computes.changed.set()

    async def before_stop(self, server: Server) -> None:  # noqa: ARG002 - a Duty's
        """Its clients only read: there is nothing to keep of it."""
        await self._computes.poolers.stop(self._endpoint)

    async def after_stop(self, control: ControlData | None) -> None:  # noqa: ARG002 - a Duty's
        """Say when."""
        await self._computes.poolers.stop(self._endpoint)
        await self._catalog.commit(lambda: _slept(self._computes, self._endpoint))

    async def _clone_anew(self, primary: Compute, source: Path, target: Path) -> None:
        await primary.wake(even_closed=True)
        machine = self._computes.machine
        async with self._computes.held_awake(primary):
            await clone_standby(
                machine, socket_dir=machine.socket_dir(primary.endpoint), source=source, target=target
            )

    async def _end_of_wal(self, branch: Branch) -> int:
        """Where the primary is, or was when it stopped."""
        primary = self._primary(branch)
        if primary.state is ComputeState.STOPPING:
            await primary.sleep()
        if primary.state in (ComputeState.READY, ComputeState.STARTING):
            server = await primary.wake(even_closed=True)
            async with server.admin() as connection:
                row = await (await connection.execute("SELECT pg_current_wal_flush_lsn()")).fetchone()
            return parse_lsn(row[0]) if row else 0
        end = self._catalog.branches[branch.id].end_of_wal
        return parse_lsn(end) if end else 0

    def _primary(self, branch: Branch) -> Compute:
        primary = self._computes.primary(branch.id)
        if primary is None:
            raise RuleViolation(f"branch {branch.id} has no read_write endpoint for a replica to follow")
        return primary


def _is_made(computes: Computes, endpoint_id: EndpointId) -> bool:
    endpoint = computes.catalog.endpoints.get(endpoint_id)
    return endpoint is None or endpoint.current_state is not EndpointState.INIT


def _records(computes: Computes, endpoint_id: EndpointId) -> tuple[Endpoint, Branch, Postgres, BranchFolder]:
    """What is known of an endpoint, and where its branch lies. Raises StartFailed if it or its project is gone."""
    endpoint = computes.catalog.endpoints.get(endpoint_id)
    if endpoint is None:
        raise StartFailed(f"the endpoint {endpoint_id} does not exist any more")
    branch = computes.catalog.branches[endpoint.branch_id]
    project = computes.catalog.projects[endpoint.project_id]
    if project.deleted_at is not None:
        raise StartFailed(f"the project {project.id} was deleted")
    postgres = choose(computes.machine.installed, project.pg_version)
    folder = computes.machine.layout.branch(project.id, branch.id, branch.incarnation)
    return endpoint, branch, postgres, folder


async def _identity(computes: Computes, endpoint: Endpoint, branch: Branch, postgres: Postgres) -> Identity:
    return Identity(
        endpoint=endpoint.id,
        incarnation=branch.incarnation,
        socket_dir=computes.machine.socket_dir(endpoint.id),
        compute_units=endpoint.autoscaling_limit_max_cu,
        pg_settings=await computes.parameters.applied(postgres, endpoint.settings.pg_settings),
    )


def _woke(computes: Computes, endpoint_id: EndpointId) -> Put:
    """The record of an endpoint that is ready now."""
    now = whole_second(computes.machine.now())
    return Put(replace(computes.catalog.endpoints[endpoint_id], started_at=now, last_active=now))


def _slept(computes: Computes, endpoint_id: EndpointId) -> list[Change]:
    """The record of an endpoint that is asleep now; nothing if it was deleted meanwhile."""
    endpoint = computes.catalog.endpoints.get(endpoint_id)
    if endpoint is None:
        return []
    return [Put(replace(endpoint, suspended_at=whole_second(computes.machine.now())))]
