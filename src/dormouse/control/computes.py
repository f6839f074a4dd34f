"""All computes of the platform: made when first asked for, held awake, put to sleep."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from dormouse.compute.conf import ADMIN_ROLE
from dormouse.compute.lifecycle import ComputeState
from dormouse.compute.server import Server
from dormouse.compute.supervisor import Compute, Duty
from dormouse.control.catalog import Catalog
from dormouse.control.idling import Busy
from dormouse.control.machine import Machine
from dormouse.control.model import BranchState, Endpoint, EndpointType
from dormouse.control.parameters import Parameters
from dormouse.control.poolers import Poolers
from dormouse.control.wake_times import WakeTimes
from dormouse.names import BranchId, EndpointId

__all__ = ["Computes", "SpawnTask"]

SpawnTask = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Run something in the platform's group of tasks."""

_BUSY: Final = f"""
SELECT count(*) FILTER (WHERE backend_type = 'client backend' AND state IS DISTINCT FROM 'idle'),
       count(*) FILTER (WHERE backend_type = 'walsender'),
       count(*) FILTER (WHERE backend_type = 'autovacuum worker'),
       count(*) FILTER (WHERE backend_type ~ '^(logical replication .*|parallel apply )worker$'),
       extract(epoch FROM clock_timestamp() - max(state_change)
               FILTER (WHERE backend_type = 'client backend' AND state = 'idle'))
FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND usename IS DISTINCT FROM '{ADMIN_ROLE}'
"""  # noqa: S608 - a constant of ours


class Computes:
    """The computes by endpoint, made when first asked for."""

    def __init__(
        self,
        catalog: Catalog,
        machine: Machine,
        spawn_task: SpawnTask,
        duty_of: "Callable[[Computes, Endpoint], Duty]",
    ) -> None:
        self.catalog = catalog
        self.machine = machine
        self.poolers = Poolers(machine)
        self.parameters = Parameters(machine)
        self.wakes = WakeTimes()
        self.changed = asyncio.Event()
        """Set whenever a compute became ready; whoever waits for it clears it."""
        self._spawn_task = spawn_task
        self._duty_of = duty_of
        self._computes: dict[EndpointId, Compute] = {}
        self._held: dict[EndpointId, int] = {}
        self._let_go = asyncio.Event()
        self._still: dict[BranchId, asyncio.Lock] = {}
        self._closed: dict[BranchId, asyncio.Event] = {}
        self._giving_up: dict[BranchId, Callable[[], None]] = {}

    def of(self, endpoint: Endpoint) -> Compute:
        """The compute of an endpoint."""
        found = self._computes.get(endpoint.id)
        if found is None:
            found = self._computes[endpoint.id] = Compute(
                endpoint.id,
                self._duty_of(self, endpoint),
                account=self.machine.account,
                start_timeout_s=self.machine.start_timeout_s,
                spawn_task=self._spawn_task,
                closed=lambda: self._until_open(endpoint.id),
                woke=self.wakes.add,
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
            self._let_go.set()
            self.changed.set()

    def is_held(self, compute: Compute) -> bool:
        """Whether somebody needs it awake."""
        return bool(self._held.get(compute.endpoint))

    @asynccontextmanager
    async def still(self, branch: BranchId) -> AsyncIterator[None]:
        """Keep a branch's primary as it is for the length of a block: one that is asleep cannot begin to start."""
        self._disturb(branch)
        async with self._still.setdefault(branch, asyncio.Lock()):
            yield

    @asynccontextmanager
    async def undisturbed(self, branch: BranchId, give_up: Callable[[], None]) -> AsyncIterator[None]:
        """As `still`, for what has time: who wants to wake the primary, clone or stop it has the block give up."""
        async with self.still(branch):
            self._giving_up[branch] = give_up
            try:
                yield
            finally:
                self._giving_up.pop(branch, None)

    @asynccontextmanager
    async def closed(self, branch: BranchId) -> AsyncIterator[None]:
        """Put a branch's computes to sleep, cutting their clients, and let none wake for the length of a block.

        Whoever wants to wake one meanwhile waits, and finds what the block left.
        """
        self._closed[branch] = asyncio.Event()
        try:
            primary = self.primary(branch)
            # Replicas first, so that no walreceiver holds up a primary.
            for compute in [*self.replicas(branch), *([] if primary is None else [primary])]:
                await self.sleep(compute)
            yield
        finally:
            self._closed.pop(branch).set()

    def _disturb(self, branch: BranchId) -> None:
        if (give_up := self._giving_up.pop(branch, None)) is not None:
            give_up()

    def _until_open(self, endpoint: EndpointId) -> Awaitable[object] | None:
        """While its branch is closed, or its data is being replaced: what to wait for."""
        record = self.catalog.endpoints.get(endpoint)
        if record is None:
            return None
        if (closed := self._closed.get(record.branch_id)) is not None:
            return closed.wait()
        if self._is_resetting(record.branch_id):
            return self.catalog.until(lambda: not self._is_resetting(record.branch_id))
        return None

    def _is_resetting(self, branch: BranchId) -> bool:
        found = self.catalog.branches.get(branch)
        return found is not None and found.state is BranchState.RESETTING

    async def dismiss(self, endpoint: EndpointId) -> None:
        """Put the compute of an endpoint that is no more to sleep, and forget it."""
        compute = self._computes.get(endpoint)
        if compute is not None:
            await compute.sleep()
            self._computes.pop(endpoint, None)
            await asyncio.to_thread(shutil.rmtree, self.machine.socket_dir(endpoint), ignore_errors=True)

    async def sleep(self, compute: Compute) -> None:
        """Put it to sleep, once nobody needs it awake any more."""
        while self.is_held(compute) and compute.state not in (ComputeState.ASLEEP, ComputeState.FAILED):
            if (endpoint := self.catalog.endpoints.get(compute.endpoint)) is not None:
                self._disturb(endpoint.branch_id)
            self._let_go.clear()
            await self._let_go.wait()
        await compute.sleep()

    def states(self) -> Counter[ComputeState]:
        """How many are in each state; one that nobody asked for since the start is asleep."""
        return Counter(self.of(endpoint).state for endpoint in self.catalog.endpoints.values())

    async def busy(self, compute: Compute) -> Busy:
        """What its server does. Raises StartFailed if it sleeps, psycopg.Error if it does not answer."""
        async with compute.server.admin() as connection:
            row = await (await connection.execute(_BUSY)).fetchone()
        backends, walsenders, workers, subscriptions, idle_for_s = row or (0, 0, 0, 0, None)
        return Busy(
            backends=backends,
            walsenders=walsenders,
            autovacuum_workers=workers,
            subscriptions=subscriptions,
            idle_for_s=None if idle_for_s is None else float(idle_for_s),
        )

    async def sleep_all(self) -> None:
        """Put every compute to sleep: replicas first, so that no walreceiver holds up a primary."""
        for wanted in (EndpointType.READ_ONLY, EndpointType.READ_WRITE):
            async with asyncio.TaskGroup() as group:
                for endpoint_id, compute in list(self._computes.items()):
                    endpoint = self.catalog.endpoints.get(endpoint_id)
                    if endpoint is not None and endpoint.type is wanted:
                        group.create_task(compute.sleep())
