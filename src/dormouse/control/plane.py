"""The control plane as its users see it: one room for each kind of object.

Every method may raise a RequestError: NotFound, Conflict, RuleViolation, Locked. Those that change something
return as soon as the records say so, with the operations that carry it out in the order in which they run.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from dormouse.control.model import (
    ApiKey,
    Branch,
    BranchChange,
    BranchCreated,
    BranchSpec,
    Database,
    Endpoint,
    EndpointChange,
    EndpointSpec,
    Operation,
    Permission,
    Project,
    ProjectChange,
    ProjectCreated,
    ProjectSpec,
    ReplicaLag,
    Role,
    Vitals,
)
from dormouse.control.past import (
    History,
    Kept,
    RestoreSpec,
    ScheduleItem,
    Snapshot,
    SnapshotChange,
    SnapshotId,
    SnapshotRestoreSpec,
    SnapshotSpec,
)
from dormouse.control.points import HEAD, Point
from dormouse.control.relation_model import Browse, Relation, RelationDetail, Scope
from dormouse.control.schema_model import Table
from dormouse.control.statement_model import Answer, Statement
from dormouse.names import BranchId, EndpointId, OperationId, ProjectId
from dormouse.uri import ConnectionParameters

__all__ = [
    "ApiKeys",
    "Branches",
    "Connections",
    "ControlPlane",
    "Databases",
    "Endpoints",
    "Operations",
    "Ops",
    "Projects",
    "Relations",
    "Roles",
    "Schemas",
    "Snapshots",
    "Statements",
]

Ops = tuple[Operation, ...]
"""The operations of a change; empty when there was nothing to do."""


class Projects(Protocol):
    """Projects, and whom they are shared with."""

    async def create(self, spec: ProjectSpec) -> ProjectCreated:
        """With its branch, role, database and primary; the compute starts meanwhile."""
        ...

    async def all(self, *, recoverable: bool = False) -> list[Project]:
        """Those that are there, oldest first; or those that were deleted and can be recovered."""
        ...

    async def get(self, project: ProjectId) -> Project:
        """One that is there. Raises NotFound."""
        ...

    async def update(self, project: ProjectId, change: ProjectChange) -> tuple[Project, Ops]:
        """Change what was given."""
        ...

    async def delete(self, project: ProjectId) -> Project:
        """Take it away for seven days, then for good. RuleViolation while it has a protected branch."""
        ...

    async def recover(self, project: ProjectId) -> Project:
        """Bring a deleted one back with all that it had. Raises NotFound."""
        ...

    async def permissions(self, project: ProjectId) -> list[Permission]:
        """Whom it is shared with, oldest first."""
        ...

    async def grant(self, project: ProjectId, email: str) -> Permission:
        """Share it; the same address again is a Conflict."""
        ...

    async def revoke(self, project: ProjectId, permission: str) -> Permission:
        """Share it no longer."""
        ...


class Branches(Protocol):
    """Branches of a project."""

    async def all(self, project: ProjectId) -> list[Branch]:
        """Oldest first."""
        ...

    async def get(self, project: ProjectId, branch: BranchId) -> Branch:
        """One of them."""
        ...

    async def create(self, project: ProjectId, spec: BranchSpec) -> BranchCreated:
        """From its parent's head or past, with the parent's roles, databases and passwords (fresh if protected).

        Raises RuleViolation for a point outside of what can be restored, and names the earliest one.
        """
        ...

    async def update(self, project: ProjectId, branch: BranchId, change: BranchChange) -> tuple[Branch, Ops]:
        """Rename, protect, let it expire."""
        ...

    async def delete(self, project: ProjectId, branch: BranchId, *, hard: bool = False) -> tuple[Branch, Ops]:
        """With its computes; `hard`, so that it cannot be brought back.

        RuleViolation for the default branch, a protected one and one with children.
        """
        ...

    async def restore(self, project: ProjectId, branch: BranchId, spec: RestoreSpec) -> tuple[Branch, Ops]:
        """Give it the data of a branch at a point: its parent's (a reset), its own past, another one's.

        Ids, endpoints and passwords stay; clients are cut. What it had is kept: under a name, or to be undone.
        """
        ...

    async def kept(self, project: ProjectId) -> list[Kept]:
        """States that can be brought back, newest first."""
        ...

    async def recover(self, project: ProjectId, branch: BranchId) -> tuple[Branch, list[Endpoint], Ops]:
        """Bring a deleted one back with its endpoints. NotFound, or Conflict when its name was taken meanwhile."""
        ...

    async def undo(self, project: ProjectId, branch: BranchId) -> tuple[Branch, Ops]:
        """Bring back what the last restore, reset or deletion of it replaced; a second undo takes that back.

        Raises NotFound when nothing is kept.
        """
        ...

    async def finalize_restore(self, project: ProjectId, branch: BranchId, old_name: str | None) -> Ops:
        """Put a branch that was made from a snapshot in the place of the one it is to replace.

        It takes that one's name, endpoints and passwords; that one is then called `old_name`, or `… (old)`.
        """
        ...

    async def history(self, project: ProjectId, branch: BranchId) -> History:
        """From when on it can be restored, and what it takes on disk."""
        ...

    async def set_as_default(self, project: ProjectId, branch: BranchId) -> tuple[Branch, Ops]:
        """Make it the project's default; the old one becomes ordinary."""
        ...


class Snapshots(Protocol):
    """States of root branches under a name."""

    async def create(self, project: ProjectId, branch: BranchId, spec: SnapshotSpec) -> tuple[Snapshot, Ops]:
        """RuleViolation for a branch that has a parent."""
        ...

    async def all(self, project: ProjectId) -> list[Snapshot]:
        """Oldest first."""
        ...

    async def update(self, project: ProjectId, snapshot: SnapshotId, change: SnapshotChange) -> Snapshot:
        """Rename it, let it expire."""
        ...

    async def delete(self, project: ProjectId, snapshot: SnapshotId) -> Ops:
        """Branches that were made from it stay."""
        ...

    async def restore(
        self, project: ProjectId, snapshot: SnapshotId, spec: SnapshotRestoreSpec
    ) -> tuple[Branch, list[Endpoint], Ops]:
        """A new branch; if it is to be finalized, in the place of its target."""
        ...

    async def schedule(self, project: ProjectId, branch: BranchId) -> tuple[ScheduleItem, ...]:
        """When snapshots are made by themselves."""
        ...

    async def set_schedule(self, project: ProjectId, branch: BranchId, items: tuple[ScheduleItem, ...]) -> None:
        """Make them so from now on."""
        ...


class Schemas(Protocol):
    """What is in a database besides rows."""

    async def sql(self, project: ProjectId, branch: BranchId, database: str, point: Point) -> str:
        """As `pg_dump --schema-only` writes it, without what differs from run to run.

        Raises NotFound where there is no such database.
        """
        ...

    async def tables(self, project: ProjectId, branch: BranchId, database: str, point: Point) -> tuple[Table, ...]:
        """Its tables with their columns and keys, in the order of schema and name. NotFound as `sql`."""
        ...


class Statements(Protocol):
    """Statements that are asked of a branch, without a client."""

    async def run(self, project: ProjectId, branch: BranchId, statement: Statement, point: Point = HEAD) -> Answer:
        """Carry one out on the primary, which it wakes, or on the branch as it was at `point`.

        What Postgres has against it is in the answer. Raises NotFound for a role that the branch has not,
        EndpointDisabled, StartFailed, and RuleViolation: to write to the past, to read only as a role that no
        transaction holds back, without a primary.
        """
        ...


class Relations(Protocol):
    """Tables and views, as a role sees them. Errors as of `Statements`; what Postgres says is a RuleViolation."""

    async def all(self, scope: Scope) -> tuple[Relation, ...]:
        """Of all schemas but Postgres's own, in the order of schema and name. Reads no table."""
        ...

    async def get(self, scope: Scope, schema: str, name: str) -> RelationDetail:
        """One of them. Raises NotFound."""
        ...

    async def rows(self, scope: Scope, relation: RelationDetail, browse: Browse) -> Answer:
        """Some of its rows; of wide values `BROWSED_CHARACTERS`, and one more where there are more.

        Raises Invalid for a column that it has not.
        """
        ...


class Endpoints(Protocol):
    """Computes."""

    async def all(self, project: ProjectId) -> list[Endpoint]:
        """Of a project, oldest first, with their present states."""
        ...

    async def of_branch(self, project: ProjectId, branch: BranchId) -> list[Endpoint]:
        """Of a branch, oldest first, with their present states."""
        ...

    async def get(self, project: ProjectId, endpoint: EndpointId) -> Endpoint:
        """One of them."""
        ...

    async def create(self, project: ProjectId, spec: EndpointSpec) -> tuple[Endpoint, Ops]:
        """A second read-write endpoint of a branch is a Conflict: `read_write endpoint already exists`."""
        ...

    async def update(
        self, project: ProjectId, endpoint: EndpointId, change: EndpointChange
    ) -> tuple[Endpoint, Ops]:
        """Sizes and settings take effect at the next start; a disabled one is put to sleep."""
        ...

    async def lags(self, endpoints: Iterable[Endpoint]) -> Mapping[EndpointId, ReplicaLag]:
        """Of the replicas among them that are awake; nothing is woken for it."""
        ...

    async def vitals(self, endpoints: Iterable[Endpoint]) -> Mapping[EndpointId, Vitals]:
        """What each of them does; nothing is woken for it, and nobody kept awake."""
        ...

    async def delete(self, project: ProjectId, endpoint: EndpointId) -> tuple[Endpoint, Ops]:
        """Cuts its clients. RuleViolation for one of a protected branch, and a primary with replicas."""
        ...

    async def start(self, project: ProjectId, endpoint: EndpointId) -> tuple[Endpoint, Ops]:
        """Wake it; no operation if it is awake already."""
        ...

    async def suspend(self, project: ProjectId, endpoint: EndpointId) -> tuple[Endpoint, Ops]:
        """Put it to sleep, cutting its clients; no operation if it sleeps already."""
        ...

    async def restart(self, project: ProjectId, endpoint: EndpointId) -> tuple[Endpoint, Ops]:
        """Put it to sleep and wake it again."""
        ...


class Roles(Protocol):
    """Roles of a branch: those of the API, and those made by SQL."""

    async def all(self, project: ProjectId, branch: BranchId) -> list[Role]:
        """In the order of their names."""
        ...

    async def get(self, project: ProjectId, branch: BranchId, role: str) -> Role:
        """One of them; `password` is None if it is not known here (made by SQL, or not to be stored)."""
        ...

    async def create(self, project: ProjectId, branch: BranchId, role: str, *, no_login: bool) -> tuple[Role, Ops]:
        """A member of neon_superuser with a new password, which the answer carries."""
        ...

    async def reset_password(self, project: ProjectId, branch: BranchId, role: str) -> tuple[Role, Ops]:
        """A new password, which the answer carries."""
        ...

    async def delete(self, project: ProjectId, branch: BranchId, role: str) -> tuple[Role, Ops]:
        """RuleViolation while it owns a database."""
        ...


class Databases(Protocol):
    """Databases of a branch: those of the API, and those made by SQL."""

    async def all(self, project: ProjectId, branch: BranchId) -> list[Database]:
        """In the order of their names."""
        ...

    async def get(self, project: ProjectId, branch: BranchId, database: str) -> Database:
        """One of them."""
        ...

    async def create(
        self, project: ProjectId, branch: BranchId, database: str, *, owner: str
    ) -> tuple[Database, Ops]:
        """Owned by a role of the branch."""
        ...

    async def update(
        self, project: ProjectId, branch: BranchId, database: str, *, name: str | None, owner: str | None
    ) -> tuple[Database, Ops]:
        """Rename it, give it to another role."""
        ...

    async def delete(self, project: ProjectId, branch: BranchId, database: str) -> tuple[Database, Ops]:
        """Cuts its clients."""
        ...


class Operations(Protocol):
    """What is and was done."""

    async def all(self, project: ProjectId) -> list[Operation]:
        """Newest first."""
        ...

    async def get(self, project: ProjectId, operation: OperationId) -> Operation:
        """One of them."""
        ...


class ApiKeys(Protocol):
    """Keys beside the home's own."""

    async def all(self) -> list[ApiKey]:
        """Oldest first."""
        ...

    async def create(self, name: str) -> tuple[ApiKey, str]:
        """A new key and its text, which nobody can see again."""
        ...

    async def revoke(self, key: int) -> ApiKey:
        """It opens nothing any more."""
        ...

    def opens(self, text: str) -> bool:
        """Whether `text` is a key that was made here and not revoked. Constant time in what matters."""
        ...


class Connections(Protocol):
    """How clients connect."""

    async def parameters(
        self,
        project: ProjectId,
        *,
        database: str,
        role: str,
        branch: BranchId | None = None,
        endpoint: EndpointId | None = None,
        pooled: bool = False,
    ) -> ConnectionParameters:
        """For libpq's clients; without branch or endpoint, to the default branch's primary."""
        ...

    def host(self, endpoint: EndpointId, *, pooled: bool = False) -> str:
        """The host name of an endpoint, with the proxy's port: `ep-….dormouse.localhost:55432`."""
        ...


class ControlPlane(Protocol):
    """All rooms."""

    @property
    def projects(self) -> Projects:
        """Projects, and whom they are shared with."""
        ...

    @property
    def branches(self) -> Branches:
        """Branches of a project."""
        ...

    @property
    def snapshots(self) -> Snapshots:
        """States of root branches under a name."""
        ...

    @property
    def schemas(self) -> Schemas:
        """What is in a database besides rows."""
        ...

    @property
    def statements(self) -> Statements:
        """Statements that are asked of a branch."""
        ...

    @property
    def relations(self) -> Relations:
        """Tables and views."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """Computes."""
        ...

    @property
    def roles(self) -> Roles:
        """Roles of a branch."""
        ...

    @property
    def databases(self) -> Databases:
        """Databases of a branch."""
        ...

    @property
    def operations(self) -> Operations:
        """What is and was done."""
        ...

    @property
    def api_keys(self) -> ApiKeys:
        """Keys beside the home's own."""
        ...

    @property
    def connections(self) -> Connections:
        """How clients connect."""
        ...
