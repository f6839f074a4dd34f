"""Branches: made from their parent, renamed, protected. Deleting and restoring them is in `returning`."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Final

from dormouse.compute.binaries import choose
from dormouse.compute.wal import format_lsn
from dormouse.control.changes import Change, Put, Record
from dormouse.control.model import (
    Branch,
    BranchChange,
    BranchCreated,
    BranchSpec,
    BranchState,
    Endpoint,
    EndpointSpec,
    EndpointType,
    NewEndpoint,
    Operation,
    OperationAction,
    OperationStatus,
    StoredVerifier,
    whole_second,
)
from dormouse.control.past import Copies, Snapshot
from dormouse.control.plane import Ops
from dormouse.control.planning import Origin, Plan, PlanKind
from dormouse.control.points import AtTime, Point
from dormouse.control.returning import Returning
from dormouse.control.roles import agree_with_server
from dormouse.control.rules import (
    may_be_called,
    may_expire,
    may_have_another_branch,
    may_have_another_endpoint,
    may_have_endpoint,
)
from dormouse.errors import DormouseError, RuleViolation
from dormouse.names import BranchId, ProjectId, new_branch_id, new_incarnation, new_password
from dormouse.wire.scram import build_verifier

__all__ = ["Branches"]


class Branches(Returning):
    """See `plane.Branches`."""

    async def all(self, project: ProjectId) -> list[Branch]:
        """Oldest first."""
        return self._shop.branches(project)

    async def get(self, project: ProjectId, branch: BranchId) -> Branch:
        """One of them."""
        return self._shop.branch(project, branch)

    async def create(self, project: ProjectId, spec: BranchSpec) -> BranchCreated:
        """Return as soon as the records are there; the clone and the computes follow."""
        shop = self._shop
        default_id = next(branch.id for branch in shop.branches(project) if branch.default)
        for wanted in spec.endpoints:
            if wanted.settings is not None:
                major = shop.project(project).pg_version
                await shop.computes.parameters.check(major, wanted.settings.pg_settings)
        async with shop.changing(project, spec.parent_id or default_id):
            branches = shop.branches(project)
            may_have_another_branch(shop.quotas, branches)
            default = next(branch for branch in branches if branch.default)
            parent = shop.ready_branch(project, spec.parent_id or default.id)
            if parent.expires_at is not None:
                raise RuleViolation("a branch that expires cannot have children")
            head = await agree_with_server(shop, parent)
            lsn = None if spec.schema_only else await shop.rewinder.resolve(parent, spec.point)
            branch = self._new_branch(parent, spec)
            if not spec.schema_only:
                branch = replace(branch, parent_lsn=format_lsn(lsn) if lsn else head or parent.end_of_wal)
            origin = Origin(
                branch_id=parent.id,
                incarnation=self._catalog.branches[parent.id].incarnation,
                lsn="" if lsn is None else format_lsn(lsn),
            )
            kind = PlanKind.CREATE_SCHEMA_BRANCH if spec.schema_only else PlanKind.CREATE_BRANCH
            copies = self._copied(parent.id, branch, fresh_passwords=parent.protected)
            return await self._begin(branch, spec.endpoints, copies, kind, origin, spec.expires_at)

    async def create_from_snapshot(self, snapshot: Snapshot, branch: Branch) -> BranchCreated:
        """A root with the data of a snapshot, and a compute. The caller has the project to itself."""
        may_have_another_branch(self._shop.quotas, self._shop.branches(snapshot.project_id))
        ids = self._catalog.new_database_ids(len(snapshot.copies.databases))
        copies = Copies(
            roles=tuple(replace(role, branch_id=branch.id) for role in snapshot.copies.roles),
            verifiers=tuple(replace(record, branch_id=branch.id) for record in snapshot.copies.verifiers),
            databases=tuple(
                replace(database, id=new_id, branch_id=branch.id)
                for database, new_id in zip(snapshot.copies.databases, ids, strict=True)
            ),
        )
        origin = Origin(branch_id=snapshot.source_branch_id, incarnation=branch.incarnation, snapshot=snapshot.id)
        endpoints = (NewEndpoint(type=EndpointType.READ_WRITE),)
        return await self._begin(branch, endpoints, copies, PlanKind.CREATE_BRANCH, origin, None)

    async def _begin(
        self,
        branch: Branch,
        wanted: tuple[NewEndpoint, ...],
        copies: Copies,
        kind: PlanKind,
        origin: Origin,
        expires_at: datetime | None,
    ) -> BranchCreated:
        """Write down all that is promised; the data and the computes follow."""
        shop = self._shop
        branches = shop.branches(branch.project_id)
        may_be_called("branch", branch.name, (other.name for other in branches))
        if expires_at is not None:
            may_expire(branch, branches, expires_at, shop.machine.now())
        endpoints = self._new_endpoints(branch, wanted)
        create = shop.maker().operation(OperationAction.CREATE_BRANCH, branch, None)
        wake = OperationAction.START_COMPUTE
        starts = [shop.maker().operation(wake, branch, endpoint.id) for endpoint in endpoints]
        plan = Plan(id=create.id, kind=kind, project_id=branch.project_id, branch_id=branch.id, origin=origin)
        # In the journal from the start: what is promised with the branch is made after a kill, too.
        replicas = [
            replace(plan, id=start.id, kind=PlanKind.CREATE_REPLICA, endpoint_id=endpoint.id, origin=None)
            for start, endpoint in zip(starts, endpoints, strict=True)
            if endpoint.type is EndpointType.READ_ONLY
        ]
        records: list[Record] = [branch, *copies.roles, *copies.verifiers, *copies.databases, *endpoints]
        await self._catalog.put(*records, create, *starts, plan, *replicas)
        shop.spawn_task(self._make(plan, starts))
        await asyncio.sleep(0)
        return BranchCreated(
            branch=branch,
            endpoints=tuple(shop.shown(endpoint) for endpoint in endpoints),
            roles=copies.roles,
            databases=copies.databases,
            operations=(create, *starts),
        )

    async def update(self, project: ProjectId, branch: BranchId, change: BranchChange) -> tuple[Branch, Ops]:
        """Rename, protect, let it expire."""
        async with self._shop.changing(project, branch):
            found, branches = self._shop.branch(project, branch), self._shop.branches(project)
            now = self._shop.machine.now()
            changed = replace(found, updated_at=whole_second(now))
            if change.name is not None and change.name != found.name:
                may_be_called("branch", change.name, (other.name for other in branches))
                changed = replace(changed, name=change.name)
            if change.protected is not None:
                changed = replace(changed, protected=change.protected)
            if change.expires_at is None:
                changed = replace(changed, expires_at=None, ttl_interval_seconds=None)
            elif isinstance(change.expires_at, datetime):
                may_expire(changed, branches, change.expires_at, now)
                changed = _expiring(changed, change.expires_at, now)
            if changed.expires_at is not None and changed.protected:
                raise RuleViolation("default and protected branches cannot expire")
            # A compute that starts or stops meanwhile writes the rest of the record.
            ours = {name: getattr(changed, name) for name in _CHANGEABLE}
            await self._catalog.commit(lambda: [Put(replace(self._catalog.branches[branch], **ours))])
        return self._catalog.branches[branch], ()

    async def set_as_default(self, project: ProjectId, branch: BranchId) -> tuple[Branch, Ops]:
        """Make it the project's default; the old one becomes ordinary."""
        async with self._shop.changing(project, branch):
            self._shop.ready_branch(project, branch)
            now = whole_second(self._shop.machine.now())

            def moved() -> list[Change]:
                """Of the records as they are then: computes that start and stop write them too."""
                there = self._catalog.branches
                olds = [old for old in self._shop.branches(project) if old.default and old.id != branch]
                new = replace(
                    there[branch], default=True, expires_at=None, ttl_interval_seconds=None, updated_at=now
                )
                return [*[Put(replace(old, default=False, updated_at=now)) for old in olds], Put(new)]

            await self._catalog.commit(moved)
        return self._catalog.branches[branch], ()

    def _new_branch(self, parent: Branch, spec: BranchSpec) -> Branch:
        now, chance = self._shop.machine.now(), self._shop.machine.chance
        branch_id = new_branch_id(chance)
        branch = Branch(
            id=branch_id,
            project_id=parent.project_id,
            name=spec.name or branch_id,
            incarnation=new_incarnation(chance),
            state=BranchState.INIT,
            default=False,
            protected=spec.protected,
            created_at=whole_second(now),
            updated_at=whole_second(now),
            parent_id=None if spec.schema_only else parent.id,
            parent_timestamp=None if spec.schema_only else _moment_of(spec.point, now),
            init_source="schema-only" if spec.schema_only else "parent-data",
            # A child of a protected branch has passwords of its own, which its server is still to be told.
            config_pending=parent.protected or parent.config_pending,
            annotation=spec.annotation,
        )
        return branch if spec.expires_at is None else _expiring(branch, spec.expires_at, now)

    def _new_endpoints(self, branch: Branch, asked: tuple[NewEndpoint, ...]) -> list[Endpoint]:
        shop = self._shop
        project = self._catalog.projects[branch.project_id]
        others = [endpoint for endpoint in self._catalog.endpoints.values() if endpoint.project_id == project.id]
        endpoints: list[Endpoint] = []
        for wanted in asked:
            may_have_another_endpoint(shop.quotas, [*others, *endpoints])
            may_have_endpoint(wanted.type, endpoints)
            made = EndpointSpec(
                branch_id=branch.id,
                type=wanted.type,
                autoscaling_limit_min_cu=wanted.autoscaling_limit_min_cu,
                autoscaling_limit_max_cu=wanted.autoscaling_limit_max_cu,
                suspend_timeout_seconds=wanted.suspend_timeout_seconds,
                settings=wanted.settings,
            )
            endpoints.append(shop.maker().endpoint(project, made))
        return endpoints

    def _copied(self, parent: BranchId, branch: Branch, *, fresh_passwords: bool) -> Copies:
        """The parent's roles with their passwords, or with fresh ones, and its databases."""
        copies, chance = self._catalog.copies_of(parent), self._shop.machine.chance
        verifiers = {record.role: replace(record, branch_id=branch.id) for record in copies.verifiers}
        store = self._catalog.projects[branch.project_id].store_passwords
        roles = []
        for role in self._shop.roles_of(parent):
            copied = replace(role, branch_id=branch.id)
            if fresh_passwords and not role.no_login:
                password = new_password(chance)
                verifier = build_verifier(password, chance.randbytes(16))
                verifiers[role.name] = StoredVerifier(branch_id=branch.id, role=role.name, verifier=verifier)
                copied = replace(copied, password=password if store else None)
            roles.append(copied)
        databases = self._shop.databases_of(parent)
        ids = self._catalog.new_database_ids(len(databases))
        return Copies(
            roles=tuple(roles),
            verifiers=tuple(verifiers.values()),
            databases=tuple(
                replace(database, id=new_id, branch_id=branch.id)
                for database, new_id in zip(databases, ids, strict=True)
            ),
        )

    async def _made(self, plan: Plan) -> None:
        """Return when the branch is there, while the rest of the plan goes on."""
        carried = asyncio.ensure_future(self._shop.carrier.carry_out(plan))
        there = asyncio.ensure_future(self._catalog.until(lambda: self._is_ready(plan)))
        await asyncio.wait([carried, there], return_when=asyncio.FIRST_COMPLETED)
        there.cancel()
        if carried.done():
            await carried
            return
        self._shop.spawn_task(_seen_to_its_end(carried))

    def _is_ready(self, plan: Plan) -> bool:
        branch = self._catalog.branches.get(plan.branch_id or BranchId(""))
        return branch is not None and branch.state is BranchState.READY

    async def _make(self, plan: Plan, starts: list[Operation]) -> None:
        shop = self._shop
        try:
            await self._made(plan)
        except DormouseError as error:
            for start in starts:
                await shop.carrier.end(
                    start.id,
                    OperationStatus.CANCELLED,
                    start.created_at,
                    error.message,
                    forget=self._catalog.plans.get(start.id),
                )
            return
        # What the branch was made of is made anew once its server runs, and does not need the disk any more.
        postgres = choose(shop.machine.installed, self._catalog.projects[plan.project_id].pg_version)
        for start in starts:
            replica = self._catalog.plans.get(start.id)
            if replica is not None:
                await shop.carrier.carry_out(replica)
            else:
                await shop.starting(start, then=lambda: shop.spares.replace_taken(postgres))
        if not starts:
            shop.spares.replace_taken(postgres)


def _moment_of(point: Point, now: datetime) -> datetime:
    """The one that was asked for; else the present."""
    return point.time if isinstance(point, AtTime) else whole_second(now)


async def _seen_to_its_end(carried: asyncio.Future[None]) -> None:
    await carried


_CHANGEABLE: Final = ("name", "protected", "expires_at", "ttl_interval_seconds", "updated_at")


def _expiring(branch: Branch, expires_at: datetime, now: datetime) -> Branch:
    return replace(
        branch,
        expires_at=whole_second(expires_at),
        ttl_interval_seconds=round((expires_at - now).total_seconds()),
    )
