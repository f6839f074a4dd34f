"""How clients connect to what was just made: URLs with passwords, the one moment at which they may be told."""

from dataclasses import replace

from dormouse.api.records import ConnectionDetails, ConnectionParameters
from dormouse.control.model import BranchCreated, EndpointType, Project, ProjectCreated
from dormouse.control.plane import Connections

__all__ = ["details_of_branch", "details_of_project"]


async def details_of_project(connections: Connections, made: ProjectCreated) -> ConnectionDetails:
    """How to connect to a new project; its password stands here also if it is not kept."""
    parameters = await connections.parameters(
        made.project.id,
        database=made.database.name,
        role=made.role.name,
        branch=made.branch.id,
        endpoint=made.endpoint.id,
    )
    return ConnectionDetails(
        connection_uri=replace(parameters, password=made.role.password).url(),
        connection_parameters=ConnectionParameters(
            database=made.database.name,
            password=made.role.password or "",
            role=made.role.name,
            host=connections.host(made.endpoint.id),
            pooler_host=connections.host(made.endpoint.id, pooled=True),
        ),
    )


async def details_of_branch(
    connections: Connections, project: Project, made: BranchCreated
) -> tuple[ConnectionDetails, ...] | None:
    """How to connect to a new branch, once per compute.

    None where there is more than one way, no compute, or a password that is not kept.
    """
    if not project.store_passwords or len(made.roles) != 1 or len(made.databases) != 1 or not made.endpoints:
        return None
    (role,), (database,) = made.roles, made.databases
    details = []
    for endpoint in sorted(made.endpoints, key=lambda each: each.type is not EndpointType.READ_WRITE):
        parameters = await connections.parameters(
            project.id, database=database.name, role=role.name, branch=made.branch.id, endpoint=endpoint.id
        )
        if parameters.password is None:
            return None
        details.append(
            ConnectionDetails(
                connection_uri=parameters.url(),
                connection_parameters=ConnectionParameters(
                    database=database.name,
                    password=parameters.password,
                    role=role.name,
                    host=connections.host(endpoint.id),
                    pooler_host=connections.host(endpoint.id, pooled=True),
                ),
            )
        )
    return tuple(details)
