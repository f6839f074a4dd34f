"""All computes of the platform, and what the control plane does at each turn of their lives."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import psycopg

from dormouse.compute.binaries import Postgres, choose
from dormouse.compute.conf import (
    ADMIN_ROLE,
    WAL_SEGMENT_BYTES,
    Identity,
    primary_settings,
    replica_settings,
)
from dormouse.compute.configuration import Desired, Present, statements
from dormouse.compute.control_file import ControlData
from dormouse.compute.lifecycle import ComputeState
from dormouse.compute.server import Server
from dormouse.compute.supervisor import Compute, Start
from dormouse.compute.wal import format_lsn, has_replayed, parse_lsn
from dormouse.control.catalog import Catalog, Change, Delete, Put
from dormouse.control.idling import Busy
from dormouse.control.machine import Machine
from dormouse.control.model import Branch, Endpoint, EndpointState, EndpointType, StoredVerifier, whole_second
from dormouse.errors import (
    EndpointDisabled,
    EndpointNotFound,
    RequestError,
    RuleViolation,
    StartFailed,
)
from dormouse.names import BranchId, EndpointId
from dormouse.storage.layout import BranchFolder

__all__ = ["Computes"]

logger = logging.getLogger("dormouse.control")

DISABLED: Final = "The endpoint has been disabled. Enable it using the API and retry."
NOT_FOUND: Final = (
    "The requested endpoint could not be found, or you don't have access to it. "
    "Please check the provided ID and try again."
)

_REPLAY_POLL_S: Final = 0.005
_REPLAY_STALL_S: Final = 60.0
"""How long a replica may make no progress before its start has failed."""

_DRAIN_S: Final = 0.2
"""How long a primary that stops waits for its replicas; a slower one finds the rest in the archive."""

_REPLICAS_BEHIND: Final = (
    "SELECT count(*) FROM pg_stat_replication "
    "WHERE state = 'streaming' AND replay_lsn < pg_current_wal_flush_lsn()"
)
_VERIFIERS: Final = "SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin AND rolpassword LIKE 'SCRAM-%'"
_VERIFIER: Final = (
    "SELECT rolpassword FROM pg_authid WHERE rolname = %s AND rolcanlogin AND rolpassword LIKE 'SCRAM-%%' "
    "AND (rolvaliduntil IS NULL OR rolvaliduntil > now())"
)
_CUT_CLIENTS: Final = (
    "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_BUSY: Final = f"""
SELECT count(*) FILTER (WHERE backend_type = 'client backend' AND state IS DISTINCT FROM 'idle'),
       count(*) FILTER (WHERE backend_type = 'walsender'),
       count(*) FILTER (WHERE backend_type = 'autovacuum worker')
FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND usename IS DISTINCT FROM '{ADMIN_ROLE}'
"""  # noqa: S608


class Computes:
    """The computes by endpoint, made when first asked for."""

    def __init__(
        self,
        catalog: Catalog,
        machine: Machine,
        spawn_task: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"],
    ) -> None:
        self.catalog = catalog
        self.machine = machine
        self.changed = asyncio.Event()
        """Set whenever a compute became ready; whoever waits for it clears it."""
        self._spawn_task = spawn_task
        self._computes: dict[EndpointId, Compute] = {}
        self._held: dict[EndpointId, int] = {}

    def of(self, endpoint: Endpoint) -> Compute:
        """The compute of an endpoint."""
        found = self._computes.get(endpoint.id)
        if found is None:
            duty = _ReplicaDuty if endpoint.type is EndpointType.READ_ONLY else _PrimaryDuty
            found = self._computes[endpoint.id] = Compute(
                endpoint.id,
                duty(self, endpoint.id),
                account=self.machine.account,
                start_timeout_s=self.machine.start_timeout_s,
                spawn_task=self._spawn_task,
            )
        return found

    def ready(self) -> Iterable[tuple[Endpoint, Compute]]:
        """Those that may be put to sleep: ready, and not held."""
        for endpoint_id, compute in list(self._computes.items()):
            endpoint = self.catalog.endpoints.get(endpoint_id)
            if endpoint and compute.state is ComputeState.READY and not self._held.get(endpoint_id):
                yield endpoint, compute

    def primary(self, branch: BranchId) -> Compute | None:
        """The read-write compute of a branch, if it has one."""
        for endpoint in self.catalog.endpoints.values():
            if endpoint.branch_id == branch and endpoint.type is EndpointType.READ_WRITE:
                return self.of(endpoint)
        return None

    def replicas(self, branch: BranchId) -> list[Compute]:
        """The read-only computes of a branch."""
        return [
            self.of(endpoint)
            for endpoint in self.catalog.endpoints.values()
            if endpoint.branch_id == branch and endpoint.type is EndpointType.READ_ONLY
        ]

    @asynccontextmanager
    async def held_awake(self, compute: Compute) -> AsyncIterator[Server]:
        """Wake a compute, and keep it from idling for the length of a block."""
        self._held[compute.endpoint] = self._held.get(compute.endpoint, 0) + 1
        try:
            yield await compute.wake()
        finally:
            self._held[compute.endpoint] -= 1
            self.changed.set()

    def is_held(self, compute: Compute) -> bool:
        """Whether somebody needs it awake."""
        return bool(self._held.get(compute.endpoint))

    async def busy(self, compute: Compute) -> Busy:
        """What its server does. Raises StartFailed if it sleeps, psycopg.Error if it does not answer."""
        async with compute.server.admin() as connection:
            row = await (await connection.execute(_BUSY)).fetchone()
        backends, walsenders, workers = row or (0, 0, 0)
        return Busy(backends=backends, walsenders=walsenders, autovacuum_workers=workers)

    async def sleep_all(self) -> None:
        """Put every compute to sleep: replicas first, so that no walreceiver holds up a primary."""
        for wanted in (EndpointType.READ_ONLY, EndpointType.READ_WRITE):
            async with asyncio.TaskGroup() as group:
                for endpoint_id, compute in list(self._computes.items()):
                    endpoint = self.catalog.endpoints.get(endpoint_id)
                    if endpoint is not None and endpoint.type is wanted:
                        group.create_task(compute.sleep())

    # What the proxy asks.

    async def verifier(self, endpoint_id: EndpointId, role: str) -> str | None:
        """The role's SCRAM verifier, or None if it cannot log in by password.

        Asked of the server while one runs, since passwords change by SQL too; else what it held at its
        last orderly stop. Only after a crash is it woken for that. Raises EndpointNotFound, EndpointDisabled.
        """
        endpoint = self._reachable(endpoint_id)
        own = self.of(endpoint)
        primary = self.primary(endpoint.branch_id)
        for compute in (own, primary):
            if compute is not None and compute.state is ComputeState.READY:
                return await self._live_verifier(compute, endpoint.branch_id, role)
        branch = self.catalog.branches[endpoint.branch_id]
        if not branch.stopped_cleanly and primary is not None and not branch.config_pending:
            await primary.wake()
            return await self._live_verifier(primary, endpoint.branch_id, role)
        stored = self.catalog.verifiers.get((endpoint.branch_id, role))
        return None if stored is None else stored.verifier

    async def locate(self, endpoint_id: EndpointId, *, role: str, verifier: str) -> str:
        """Wake the compute if need be, and return the path of its socket.

        Raises StartFailed; EndpointDisabled; RequestError when the role's password is no longer the one
        that was checked.
        """
        endpoint = self._reachable(endpoint_id)
        compute = self.of(endpoint)
        if compute.state is ComputeState.READY:
            return compute.server.socket_path
        server = await compute.wake()
        if await self._live_verifier(compute, endpoint.branch_id, role) != verifier:
            raise RequestError(f"password authentication failed for user '{role}'")
        return server.socket_path

    def _reachable(self, endpoint_id: EndpointId) -> Endpoint:
        endpoint = self.catalog.endpoints.get(endpoint_id)
        if endpoint is None:
            raise EndpointNotFound(NOT_FOUND)
        if endpoint.disabled:
            raise EndpointDisabled(DISABLED)
        return endpoint

    async def _live_verifier(self, compute: Compute, branch_id: BranchId, role: str) -> str | None:
        try:
            async with compute.server.admin() as connection:
                row = await (await connection.execute(_VERIFIER, (role,))).fetchone()
        except psycopg.Error as error:
            raise StartFailed(f"the compute {compute.endpoint} does not answer: {error}") from error
        found: str | None = row[0] if row else None
        stored = self.catalog.verifiers.get((branch_id, role))
        if found is not None and (stored is None or stored.verifier != found):
            record = StoredVerifier(branch_id=branch_id, role=role, verifier=found)
            await self.catalog.commit(lambda: [Put(record)])
        return found

    # What the duties share.

    def records(self, endpoint_id: EndpointId) -> tuple[Endpoint, Branch, Postgres, BranchFolder]:
        """What is known of an endpoint, and where its branch lies. Raises StartFailed if it is gone."""
        endpoint = self.catalog.endpoints.get(endpoint_id)
        if endpoint is None:
            raise StartFailed(f"the endpoint {endpoint_id} does not exist any more")
        branch = self.catalog.branches[endpoint.branch_id]
        project = self.catalog.projects[endpoint.project_id]
        postgres = choose(self.machine.installed, project.pg_version)
        folder = self.machine.layout.branch(project.id, branch.id, branch.incarnation)
        return endpoint, branch, postgres, folder

    def identity(self, endpoint: Endpoint, branch: Branch) -> Identity:
        """The server's name and socket."""
        return Identity(
            endpoint=endpoint.id,
            incarnation=branch.incarnation,
            socket_dir=self.machine.socket_dir(endpoint.id),
        )

    def endpoint_woke(self, endpoint_id: EndpointId) -> Put:
        """The record of an endpoint that is ready now."""
        now = self.machine.now()
        endpoint = self.catalog.endpoints[endpoint_id]
        return Put(replace(endpoint, started_at=whole_second(now), last_active=whole_second(now)))

    def endpoint_slept(self, endpoint_id: EndpointId) -> list[Change]:
        """The record of an endpoint that is asleep now; nothing if it was deleted meanwhile."""
        endpoint = self.catalog.endpoints.get(endpoint_id)
        if endpoint is None:
            return []
        return [Put(replace(endpoint, suspended_at=whole_second(self.machine.now())))]


class _PrimaryDuty:
    """A read-write compute: the roles of the records on the way up, the verifiers on the way down."""

    def __init__(self, computes: Computes, endpoint: EndpointId) -> None:
        self._computes = computes
        self._catalog = computes.catalog
        self._endpoint = endpoint
        self._verifiers: dict[str, str] | None = None

    async def prepare(self) -> Start:
        """Before the first change can happen, the records say that a crash would leave traces."""
        endpoint, branch, postgres, folder = self._computes.records(self._endpoint)
        self._verifiers = None
        await self._catalog.commit(
            lambda: [
                Put(replace(self._catalog.branches[branch.id], stopped_cleanly=False)),
                self._computes.endpoint_woke(endpoint.id),
            ]
        )
        identity = self._computes.identity(endpoint, branch)
        return Start(
            postgres=postgres,
            data=folder.data,
            settings=primary_settings(identity, postgres.major),
            socket_dir=identity.socket_dir,
        )

    async def until_ready(self, server: Server) -> None:
        """Make what the records ask for; then tell the replicas that there is a primary again."""
        _, branch, postgres, _ = self._computes.records(self._endpoint)
        if branch.config_pending:
            await self._configure(server, branch, postgres)
        for replica in self._computes.replicas(branch.id):
            replica.reload()
        self._computes.changed.set()

    async def before_stop(self, server: Server) -> None:
        """Cut the clients, so that nobody changes a password after it was read."""
        async with server.admin() as connection:
            await connection.execute(_CUT_CLIENTS)
            rows = await (await connection.execute(_VERIFIERS)).fetchall()
            # So that a replica which is awake shows the last commit as soon as its primary sleeps.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_S):
                    while not await self._replicas_are_current(connection):  # noqa: ASYNC110 - a server's state
                        await asyncio.sleep(_REPLAY_POLL_S)
        self._verifiers = dict(rows)

    async def after_stop(self, control: ControlData | None) -> None:
        """Keep what the proxy and the replicas need while it sleeps."""
        endpoint = self._catalog.endpoints.get(self._endpoint)
        if endpoint is None:
            return
        # Without the verifiers of this stop the next client must wake it to be checked.
        clean = control is not None and control.is_clean and self._verifiers is not None
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
        changes = self._computes.endpoint_slept(endpoint.id)
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
        if clean and self._verifiers is not None:
            kept = {key[1]: record for key, record in self._catalog.verifiers.items() if key[0] == branch.id}
            changes += [Delete(record) for role, record in kept.items() if role not in self._verifiers]
            changes += [
                Put(StoredVerifier(branch_id=branch.id, role=role, verifier=verifier))
                for role, verifier in self._verifiers.items()
                if role not in kept or kept[role].verifier != verifier
            ]
        return changes

    async def _configure(self, server: Server, branch: Branch, postgres: Postgres) -> None:
        desired = Desired(
            verifiers={
                role.name: self._catalog.verifiers[branch.id, role.name].verifier
                for role in self._catalog.roles.values()
                if role.branch_id == branch.id
            },
            owners={
                database.name: database.owner_name
                for database in self._catalog.databases.values()
                if database.branch_id == branch.id
            },
        )
        try:
            async with server.admin() as connection:
                roles = await (await connection.execute("SELECT rolname, rolpassword FROM pg_authid")).fetchall()
                databases = await (await connection.execute("SELECT datname FROM pg_database")).fetchall()
                present = Present(verifiers=dict(roles), databases=frozenset(name for (name,) in databases))
                for statement in statements(desired, present, major=postgres.major):
                    await connection.execute(statement)
        except psycopg.Error as error:
            raise StartFailed(f"roles and databases could not be made: {error.diag.message_primary}") from error
        await self._catalog.commit(lambda: [Put(replace(self._catalog.branches[branch.id], config_pending=False))])


class _ReplicaDuty:
    """A read-only compute: a standby that is current before it answers."""

    def __init__(self, computes: Computes, endpoint: EndpointId) -> None:
        self._computes = computes
        self._catalog = computes.catalog
        self._endpoint = endpoint

    async def prepare(self) -> Start:
        """Wait for the data directory, if that is still being made.

        A primary that crashed is recovered first: what it had not archived is only in its own WAL.
        """
        await self._catalog.until(self._is_made)
        endpoint, branch, postgres, folder = self._computes.records(self._endpoint)
        primary = self._primary(branch)
        if not branch.stopped_cleanly and primary.state is not ComputeState.READY:
            await primary.wake()
        identity = self._computes.identity(endpoint, branch)
        return Start(
            postgres=postgres,
            data=folder.replica_data(endpoint.id),
            settings=replica_settings(
                identity,
                postgres.major,
                primary_socket_dir=self._computes.machine.socket_dir(primary.endpoint),
            ),
            socket_dir=identity.socket_dir,
        )

    async def until_ready(self, server: Server) -> None:
        """Accepting connections is not being current: wait until it has replayed what its primary had."""
        _, branch, _, _ = self._computes.records(self._endpoint)
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
                await asyncio.sleep(_REPLAY_POLL_S)
        await self._catalog.commit(lambda: [self._computes.endpoint_woke(self._endpoint)])
        self._computes.changed.set()

    async def before_stop(self, server: Server) -> None:
        """Nothing: its clients only read."""

    async def after_stop(self, control: ControlData | None) -> None:  # noqa: ARG002 - a Duty's
        """Say when."""
        await self._catalog.commit(lambda: self._computes.endpoint_slept(self._endpoint))

    def _is_made(self) -> bool:
        endpoint = self._catalog.endpoints.get(self._endpoint)
        return endpoint is None or endpoint.current_state is not EndpointState.INIT

    async def _end_of_wal(self, branch: Branch) -> int:
        """Where the primary is, or was when it stopped."""
        primary = self._primary(branch)
        if primary.state is ComputeState.STOPPING:
            await primary.sleep()
        if primary.state in (ComputeState.READY, ComputeState.STARTING):
            server = await primary.wake()
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
