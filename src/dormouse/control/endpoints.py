"""Endpoints: made, changed, woken, put to sleep, removed."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any

from dormouse.compute.lifecycle import ComputeState
from dormouse.control.changes import Put
from dormouse.control.lags import Lags
from dormouse.control.model import (
    Endpoint,
    EndpointChange,
    EndpointSettings,
    EndpointSpec,
    EndpointState,
    EndpointType,
    Operation,
    OperationAction,
    OperationStatus,
    ReplicaLag,
    Vitals,
    whole_second,
)
from dormouse.control.plane import Ops
from dormouse.control.planning import Plan, PlanKind
from dormouse.control.rules import may_delete_endpoint, may_have_another_endpoint, may_have_endpoint
from dormouse.control.vitals import VitalSigns
from dormouse.control.workshop import Workshop
from dormouse.errors import DormouseError, EndpointDisabled, Invalid
from dormouse.names import BranchId, EndpointId, ProjectId

__all__ = ["Endpoints"]


class Endpoints:
    """See `plane.Endpoints`."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._catalog = workshop.catalog
        self._lags = Lags(workshop.computes)
        self._vital_signs = VitalSigns(workshop.computes)

    async def all(self, project: ProjectId) -> list[Endpoint]:
        """Of a project, oldest first, with their present states."""
        self._shop.project(project)
        found = [endpoint for endpoint in self._catalog.endpoints.values() if endpoint.project_id == project]
        return [self._shop.shown(endpoint) for endpoint in found]

    async def of_branch(self, project: ProjectId, branch: BranchId) -> list[Endpoint]:
        """Of a branch, oldest first, with their present states."""
        self._shop.branch(project, branch)
        return [self._shop.shown(endpoint) for endpoint in self._shop.endpoints_of(branch)]

    async def get(self, project: ProjectId, endpoint: EndpointId) -> Endpoint:
        """One of them."""
        return self._shop.shown(self._shop.endpoint(project, endpoint))

    async def create(self, project: ProjectId, spec: EndpointSpec) -> tuple[Endpoint, Ops]:
        """A primary is there at once; a replica when its clone is."""
        shop = self._shop
        await self._check(project, spec.settings)
        async with shop.changing(project, spec.branch_id):
            owner, branch = shop.project(project), shop.branch(project, spec.branch_id)
            may_have_another_endpoint(
                shop.quotas, [e for e in self._catalog.endpoints.values() if e.project_id == project]
            )
            may_have_endpoint(spec.type, shop.endpoints_of(branch.id))
            endpoint = shop.maker().endpoint(owner, spec)
            if spec.type is EndpointType.READ_WRITE:
                endpoint = replace(endpoint, current_state=EndpointState.IDLE)
                start = shop.maker().operation(OperationAction.START_COMPUTE, branch, endpoint.id)
                await self._catalog.put(endpoint, start)
                return await shop.starting(start), (start,)
            create = shop.maker().operation(OperationAction.CREATE_COMPUTE, branch, endpoint.id)
            start = shop.maker().operation(OperationAction.START_COMPUTE, branch, endpoint.id)
            plan = Plan(
                id=create.id,
                kind=PlanKind.CREATE_REPLICA,
                project_id=project,
                branch_id=branch.id,
                endpoint_id=endpoint.id,
            )
            await self._catalog.put(endpoint, create, start, plan)
        shop.spawn_task(self._make_replica(plan, start))
        return shop.shown(endpoint), (create, start)

    async def update(
        self, project: ProjectId, endpoint: EndpointId, change: EndpointChange
    ) -> tuple[Endpoint, Ops]:
        """Sizes and settings take effect at the next start; a disabled one is put to sleep."""
        shop = self._shop
        await self._check(project, change.settings)
        async with shop.changing(project, shop.endpoint(project, endpoint).branch_id):
            found = shop.endpoint(project, endpoint)
            given = {name: getattr(change, name) for name in _CHANGEABLE if getattr(change, name) is not None}
            changed = replace(found, **given, updated_at=whole_second(shop.machine.now()))
            if changed.autoscaling_limit_min_cu > changed.autoscaling_limit_max_cu:
                raise Invalid("autoscaling_limit_min_cu is larger than autoscaling_limit_max_cu")
            # A compute that starts or stops meanwhile writes the rest of the record.
            ours = {**given, "updated_at": changed.updated_at}
            await self._catalog.commit(lambda: [Put(replace(self._catalog.endpoints[endpoint], **ours))])
            changed = self._catalog.endpoints[endpoint]
            shop.computes.changed.set()  # its time to sleep may be another now
            if not changed.disabled or not self._is_up(changed):
                return shop.shown(changed), ()
            return await self._begin(changed, OperationAction.SUSPEND_COMPUTE, self._sleep(changed))

    async def delete(self, project: ProjectId, endpoint: EndpointId) -> tuple[Endpoint, Ops]:
        """Cuts its clients."""
        shop = self._shop
        async with shop.changing(project, shop.endpoint(project, endpoint).branch_id):
            found = shop.endpoint(project, endpoint)
            branch = shop.branch(project, found.branch_id)
            others = [other for other in shop.endpoints_of(branch.id) if other.id != endpoint]
            may_delete_endpoint(found, branch, others)
            remove = shop.maker().operation(OperationAction.SUSPEND_COMPUTE, branch, endpoint)
            plan = Plan(
                id=remove.id,
                kind=PlanKind.REMOVE_ENDPOINT,
                project_id=project,
                branch_id=branch.id,
                endpoint_id=endpoint,
            )
            await self._catalog.put(remove, plan)
            await shop.carrier.carry_out(plan)
        return replace(found, current_state=EndpointState.IDLE), (
            (await self._catalog.operation(remove.id)) or remove,
        )

    async def start(self, project: ProjectId, endpoint: EndpointId) -> tuple[Endpoint, Ops]:
        """Wake it; no operation if it is awake already."""
        found = self._shop.endpoint(project, endpoint)
        if found.disabled:
            raise EndpointDisabled("endpoint is disabled")
        if self._shop.computes.of(found).state in (ComputeState.READY, ComputeState.STARTING):
            return self._shop.shown(found), ()
        branch = self._catalog.branches[found.branch_id]
        operation = self._shop.maker().operation(OperationAction.START_COMPUTE, branch, endpoint)
        await self._catalog.put(operation)
        return await self._shop.starting(operation), (operation,)

    async def suspend(self, project: ProjectId, endpoint: EndpointId) -> tuple[Endpoint, Ops]:
        """Put it to sleep, cutting its clients; no operation if it sleeps already.

        Waits for a start that goes on, and for a clone that is made from it, instead of a 423.
        """
        found = self._shop.endpoint(project, endpoint)
        if not self._is_up(found):
            return self._shop.shown(found), ()
        return await self._begin(found, OperationAction.SUSPEND_COMPUTE, self._sleep(found))

    async def restart(self, project: ProjectId, endpoint: EndpointId) -> tuple[Endpoint, Ops]:
        """Put it to sleep and wake it again."""
        found = self._shop.endpoint(project, endpoint)
        if found.disabled:
            raise EndpointDisabled("endpoint is disabled")
        branch = self._catalog.branches[found.branch_id]
        suspend = self._shop.maker().operation(OperationAction.SUSPEND_COMPUTE, branch, endpoint)
        start = self._shop.maker().operation(OperationAction.START_COMPUTE, branch, endpoint)
        await self._catalog.put(suspend, start)

        async def both() -> None:
            await self._shop.carrier.run(suspend, self._sleep(found))
            await self._shop.carrier.run(start, lambda: self._shop.wake(endpoint))

        self._shop.spawn_task(both())
        await asyncio.sleep(0)
        return self._shop.shown(found), (suspend, start)

    async def _check(self, project: ProjectId, settings: EndpointSettings | None) -> None:
        if settings is not None:
            major = self._shop.project(project).pg_version
            await self._shop.computes.parameters.check(major, settings.pg_settings)

    async def lags(self, endpoints: Iterable[Endpoint]) -> dict[EndpointId, ReplicaLag]:
        """Of the replicas among them that are awake."""
        return await self._lags.of(endpoints)

    async def vitals(self, endpoints: Iterable[Endpoint]) -> dict[EndpointId, Vitals]:
        """What each of them does."""
        return await self._vital_signs.of(endpoints)

    def _is_up(self, endpoint: Endpoint) -> bool:
        state = self._shop.computes.of(endpoint).state
        return state not in (ComputeState.ASLEEP, ComputeState.FAILED)

    def _sleep(self, endpoint: Endpoint) -> Callable[[], Coroutine[Any, Any, None]]:
        return lambda: self._shop.computes.sleep(self._shop.computes.of(endpoint))

    async def _begin(
        self, endpoint: Endpoint, action: OperationAction, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> tuple[Endpoint, Ops]:
        branch = self._catalog.branches[endpoint.branch_id]
        operation = self._shop.maker().operation(action, branch, endpoint.id)
        await self._catalog.put(operation)
        self._shop.spawn_task(self._shop.carrier.run(operation, work))
        await asyncio.sleep(0)  # so that the answer already shows where it is going
        return self._shop.shown(endpoint), (operation,)

    async def _make_replica(self, plan: Plan, start: Operation) -> None:
        try:
            await self._shop.carrier.carry_out(plan)
        except DormouseError as error:
            await self._shop.carrier.end(start.id, OperationStatus.CANCELLED, start.created_at, error.message)
        else:
            await self._shop.starting(start)


_CHANGEABLE = (
    "name",
    "autoscaling_limit_min_cu",
    "autoscaling_limit_max_cu",
    "suspend_timeout_seconds",
    "disabled",
    "settings",
)
