"""Branches: made from their parent's head, renamed, protected, removed."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Final

from dormouse.control.changes import Change, Put, Record
from dormouse.control.model import (
    Branch,
    BranchChange,
    BranchCreated,
    BranchSpec,
    BranchState,
    Database,
    Endpoint,
    EndpointSpec,
    EndpointType,
    Operation,
    OperationAction,
    OperationStatus,
    Role,
    StoredVerifier,
    whole_second,
)
from dormouse.control.plane import Ops
from dormouse.control.planning import Plan, PlanKind
from dormouse.control.roles import agree_with_server
from dormouse.control.rules import (
    may_be_called,
    may_delete_branch,
    may_expire,
    may_have_another_branch,
    may_have_another_endpoint,
    may_have_endpoint,
)
from dormouse.control.workshop import Workshop
from dormouse.errors import DormouseError, RuleViolation
from dormouse.names import BranchId, ProjectId, new_branch_id, new_incarnation, new_password
from dormouse.wire.scram import build_verifier

__all__ = ["Branches"]


class Branches:
    """See `plane.Branches`."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._catalog = workshop.catalog

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
        async with shop.changing(project, spec.parent_id or default_id):
            branches = shop.branches(project)
            may_have_another_branch(shop.quotas, branches)
            default = next(branch for branch in branches if branch.default)
            parent = shop.ready_branch(project, spec.parent_id or default.id)
            if parent.expires_at is not None:
                raise RuleViolation("a branch that expires cannot have children")
            head = await agree_with_server(shop, parent)
            branch = replace(self._new_branch(parent, spec), parent_lsn=head or parent.end_of_wal)
            may_be_called("branch", branch.name, (other.name for other in branches))
            if spec.expires_at is not None:
                may_expire(branch, branches, spec.expires_at, shop.machine.now())
            endpoints = self._new_endpoints(branch, spec)
            roles, verifiers = self._copied_roles(parent, branch)
            databases = self._copied_databases(parent, branch)
            create = shop.maker().operation(OperationAction.CREATE_BRANCH, branch, None)
            wake = OperationAction.START_COMPUTE
            starts = [shop.maker().operation(wake, branch, endpoint.id) for endpoint in endpoints]
            plan = Plan(id=create.id, kind=PlanKind.CREATE_BRANCH, project_id=project, branch_id=branch.id)
            # In the journal from the start: what is promised with the branch is made after a kill, too.
            replicas = [
                replace(plan, id=start.id, kind=PlanKind.CREATE_REPLICA, endpoint_id=endpoint.id)
                for start, endpoint in zip(starts, endpoints, strict=True)
                if endpoint.type is EndpointType.READ_ONLY
            ]
            records: list[Record] = [branch, *roles, *verifiers, *databases, *endpoints]
            await self._catalog.put(*records, create, *starts, plan, *replicas)
        shop.spawn_task(self._make(plan, starts))
        await asyncio.sleep(0)
        return BranchCreated(
            branch=branch,
            endpoints=tuple(shop.shown(endpoint) for endpoint in endpoints),
            roles=tuple(roles),
            databases=tuple(databases),
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

    async def delete(self, project: ProjectId, branch: BranchId) -> tuple[Branch, Ops]:
        """With its computes."""
        shop = self._shop
        async with shop.changing(project, branch):
            found = shop.branch(project, branch)
            may_delete_branch(found, shop.branches(project))
            suspends = [
                shop.maker().operation(OperationAction.SUSPEND_COMPUTE, found, endpoint.id)
                for endpoint in shop.endpoints_of(branch)
            ]
            remove = shop.maker().operation(OperationAction.DELETE_TIMELINE, found, None)
            plan = Plan(id=remove.id, kind=PlanKind.REMOVE_BRANCH, project_id=project, branch_id=branch)
            await self._catalog.put(*suspends, remove, plan)
            await shop.carrier.carry_out(plan)
            for suspend in suspends:
                await shop.carrier.end(suspend.id, OperationStatus.FINISHED, suspend.created_at, None)
        return found, await self._ended([*suspends, remove])

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
            parent_id=parent.id,
            parent_timestamp=whole_second(now),
            # A child of a protected branch has passwords of its own, which its server is still to be told.
            config_pending=parent.protected or parent.config_pending,
        )
        return branch if spec.expires_at is None else _expiring(branch, spec.expires_at, now)

    def _new_endpoints(self, branch: Branch, spec: BranchSpec) -> list[Endpoint]:
        shop = self._shop
        project = self._catalog.projects[branch.project_id]
        others = [endpoint for endpoint in self._catalog.endpoints.values() if endpoint.project_id == project.id]
        endpoints: list[Endpoint] = []
        for wanted in spec.endpoints:
            may_have_another_endpoint(shop.quotas, [*others, *endpoints])
            may_have_endpoint(wanted.type, endpoints)
            made = EndpointSpec(
                branch_id=branch.id,
                type=wanted.type,
                autoscaling_limit_min_cu=wanted.autoscaling_limit_min_cu,
                autoscaling_limit_max_cu=wanted.autoscaling_limit_max_cu,
                suspend_timeout_seconds=wanted.suspend_timeout_seconds,
            )
            endpoints.append(shop.maker().endpoint(project, made))
        return endpoints

    def _copied_databases(self, parent: Branch, branch: Branch) -> list[Database]:
        originals = self._shop.databases_of(parent.id)
        ids = self._catalog.new_database_ids(len(originals))
        return [
            replace(database, id=new_id, branch_id=branch.id)
            for database, new_id in zip(originals, ids, strict=True)
        ]

    def _copied_roles(self, parent: Branch, branch: Branch) -> tuple[list[Role], list[StoredVerifier]]:
        """The parent's roles with their passwords; with fresh ones if it is protected."""
        stored = {key[1]: record for key, record in self._catalog.verifiers.items() if key[0] == parent.id}
        verifiers = {role: replace(record, branch_id=branch.id) for role, record in stored.items()}
        store = self._catalog.projects[branch.project_id].store_passwords
        roles = []
        for role in self._shop.roles_of(parent.id):
            copied = replace(role, branch_id=branch.id)
            if parent.protected and not role.no_login:
                password = new_password(self._shop.machine.chance)
                verifier = build_verifier(password, self._shop.machine.chance.randbytes(16))
                verifiers[role.name] = StoredVerifier(branch_id=branch.id, role=role.name, verifier=verifier)
                copied = replace(copied, password=password if store else None)
            roles.append(copied)
        return roles, list(verifiers.values())

    async def _make(self, plan: Plan, starts: list[Operation]) -> None:
        shop = self._shop
        try:
            await shop.carrier.carry_out(plan)
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
        for start in starts:
            replica = self._catalog.plans.get(start.id)
            if replica is not None:
                await shop.carrier.carry_out(replica)
            else:
                await shop.starting(start)

    async def _ended(self, operations: list[Operation]) -> Ops:
        return tuple([(await self._catalog.operation(operation.id)) or operation for operation in operations])


_CHANGEABLE: Final = ("name", "protected", "expires_at", "ttl_interval_seconds", "updated_at")


def _expiring(branch: Branch, expires_at: datetime, now: datetime) -> Branch:
    return replace(
        branch,
        expires_at=whole_second(expires_at),
        ttl_interval_seconds=round((expires_at - now).total_seconds()),
    )
