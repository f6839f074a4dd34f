"""The one place that changes projects, branches, endpoints and roles: read, decide, act."""

from dormouse.control.model import (
    Branch,
    Database,
    Endpoint,
    EndpointSpec,
    Operation,
    Project,
    ProjectCreated,
    ProjectSpec,
    Role,
)
from dormouse.names import BranchId, EndpointId, OperationId, ProjectId
from dormouse.uri import ConnectionParameters

__all__ = ["Service"]


class Service:
    """The control plane. Every method may raise a RequestError (NotFound, Conflict, RuleViolation, Locked)."""

    async def create_project(self, spec: ProjectSpec) -> ProjectCreated:
        """Return as soon as the records and the data directory are there; the compute starts meanwhile."""
        raise NotImplementedError

    async def projects(self) -> list[Project]:
        """All, oldest first."""
        raise NotImplementedError

    async def project(self, project: ProjectId) -> Project:
        """Raises NotFound."""
        raise NotImplementedError

    async def branches(self, project: ProjectId) -> list[Branch]:
        """All of a project, oldest first."""
        raise NotImplementedError

    async def branch(self, project: ProjectId, branch: BranchId) -> Branch:
        """Raises NotFound."""
        raise NotImplementedError

    async def endpoints(self, project: ProjectId) -> list[Endpoint]:
        """All of a project, oldest first, with their present states."""
        raise NotImplementedError

    async def endpoint(self, project: ProjectId, endpoint: EndpointId) -> Endpoint:
        """Raises NotFound."""
        raise NotImplementedError

    async def roles(self, project: ProjectId, branch: BranchId) -> list[Role]:
        """The roles of a branch, in the order of their names."""
        raise NotImplementedError

    async def databases(self, project: ProjectId, branch: BranchId) -> list[Database]:
        """The databases of a branch, in the order of their names."""
        raise NotImplementedError

    async def operations(self, project: ProjectId) -> list[Operation]:
        """All of a project, newest first."""
        raise NotImplementedError

    async def operation(self, project: ProjectId, operation: OperationId) -> Operation:
        """Raises NotFound."""
        raise NotImplementedError

    async def create_endpoint(
        self, project: ProjectId, spec: EndpointSpec
    ) -> tuple[Endpoint, tuple[Operation, ...]]:
        """A second read-write endpoint of a branch is a Conflict: `read_write endpoint already exists`."""
        raise NotImplementedError

    async def start_endpoint(
        self, project: ProjectId, endpoint: EndpointId
    ) -> tuple[Endpoint, tuple[Operation, ...]]:
        """Wake it; no operation if it is awake already. Returns while the start goes on."""
        raise NotImplementedError

    async def suspend_endpoint(
        self, project: ProjectId, endpoint: EndpointId
    ) -> tuple[Endpoint, tuple[Operation, ...]]:
        """Put it to sleep, cutting its clients; no operation if it sleeps already."""
        raise NotImplementedError

    async def connection_parameters(
        self,
        project: ProjectId,
        *,
        database: str,
        role: str,
        branch: BranchId | None = None,
        endpoint: EndpointId | None = None,
        pooled: bool = False,
    ) -> ConnectionParameters:
        """How a libpq client connects; without branch or endpoint, to the default branch's primary."""
        raise NotImplementedError

    def host(self, endpoint: EndpointId, *, pooled: bool = False) -> str:
        """The host name of an endpoint, with the proxy's port: `ep-….dormouse.localhost:55432`."""
        raise NotImplementedError
