"""How clients connect to a compute."""

from types import MappingProxyType

from dormouse.control.model import Endpoint, EndpointType
from dormouse.control.workshop import Workshop
from dormouse.errors import NotFound
from dormouse.names import BranchId, EndpointId, ProjectId, host_of
from dormouse.uri import ConnectionParameters

__all__ = ["Connections"]


class Connections:
    """See `plane.Connections`."""

    def __init__(self, workshop: Workshop, *, host_suffix: str, host_address: str | None) -> None:
        self._shop = workshop
        self._host_suffix = host_suffix
        self._host_address = host_address
        self.port = 0
        """The proxy's, once it listens."""

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
        target = self._target(project, branch, endpoint)
        if database not in {found.name for found in self._shop.databases_of(target.branch_id)}:
            raise NotFound("database not found")
        found = self._shop.catalog.roles.get((target.branch_id, role))
        if found is None:
            raise NotFound("role not found")
        options = {"sslmode": "require", "channel_binding": "require"}
        if self._host_address is not None:
            options["hostaddr"] = self._host_address
        return ConnectionParameters(
            role=role,
            password=found.password,
            host=host_of(target.id, self._host_suffix, pooled=pooled),
            port=self.port,
            database=database,
            options=MappingProxyType(options),
        )

    def host(self, endpoint: EndpointId, *, pooled: bool = False) -> str:
        """The host name of an endpoint, with the proxy's port: `ep-….dormouse.localhost:55432`."""
        return f"{host_of(endpoint, self._host_suffix, pooled=pooled)}:{self.port}"

    def _target(self, project: ProjectId, branch: BranchId | None, endpoint: EndpointId | None) -> Endpoint:
        if endpoint is not None:
            found = self._shop.endpoint(project, endpoint)
            if branch is not None and found.branch_id != branch:
                raise NotFound("endpoint not found")
            return found
        if branch is None:
            branch = next(one.id for one in self._shop.branches(project) if one.default)
        self._shop.branch(project, branch)
        # A primary before a replica; `False` sorts first.
        ranked = sorted(
            self._shop.endpoints_of(branch), key=lambda found: found.type is not EndpointType.READ_WRITE
        )
        if not ranked:
            raise NotFound("endpoint not found")
        return ranked[0]
