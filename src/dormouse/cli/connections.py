"""Which project, branch and compute a command means, and every way of writing down how to connect to it."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from dormouse.api.client import Client
from dormouse.api.records import Branch, Endpoint, ProjectListItem
from dormouse.cli import background
from dormouse.errors import UserError
from dormouse.home import api_key_of
from dormouse.names import BranchId, EndpointId, ProjectId
from dormouse.storage.layout import Layout
from dormouse.uri import ConnectionParameters

__all__ = ["FORMATS", "Chosen", "Target", "choose", "client_of", "write"]

T = TypeVar("T", ProjectListItem, Branch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the user said; None leaves it to the rules."""

    project: str | None = None
    branch: str | None = None
    role: str | None = None
    database: str | None = None
    replica: bool = False
    pooled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was meant."""

    project: ProjectListItem
    branch: Branch
    endpoint: Endpoint
    parameters: ConnectionParameters
    replicas: tuple[ConnectionParameters, ...]
    """Of all read replicas of the branch, the oldest first."""


def client_of(layout: Layout) -> Client:
    """A client of the platform that serves this home. Raises NotRunning."""
    there = background.find(layout)
    return Client(f"{there.http_url}/api/v2", api_key_of(layout))


def choose(client: Client, target: Target) -> Chosen:
    """The only project, or the named one; its default branch, or the named one; its primary, or first replica.

    Raises UserError naming what there is to choose from.
    """
    project = _one(
        "project", target.project, client.projects(limit=400).projects, hint="make one with `dormouse demo`"
    )
    project_id = ProjectId(project.id)
    branches = client.branches(project_id).branches
    if target.branch is None:
        branch = next(candidate for candidate in branches if candidate.default)
    else:
        branch = _one("branch", target.branch, branches, hint="see the branches in `dormouse status`")
    branch_id = BranchId(branch.id)
    endpoints = client.branch_endpoints(project_id, branch_id)
    wanted = "read_only" if target.replica else "read_write"
    of_type = [endpoint for endpoint in endpoints if endpoint.type == wanted]
    if not of_type:
        raise UserError(
            f"branch {branch.name!r} has no {wanted} compute",
            "add one: POST /projects/{project_id}/endpoints with type " + wanted,
        )
    roles = [role.name for role in client.roles(project_id, branch_id)]
    databases = client.databases(project_id, branch_id)
    role = _named("role", target.role, roles)
    database = _named("database", target.database, [found.name for found in databases])

    def parameters(endpoint: Endpoint) -> ConnectionParameters:
        return ConnectionParameters.from_url(
            client.connection_uri(
                project_id, database=database, role=role, endpoint=EndpointId(endpoint.id), pooled=target.pooled
            )
        )

    return Chosen(
        project=project,
        branch=branch,
        endpoint=of_type[0],
        parameters=parameters(of_type[0]),
        replicas=tuple(parameters(endpoint) for endpoint in endpoints if endpoint.type == "read_only"),
    )


def write(chosen: Chosen, format_name: str, ca: Path) -> str:
    """How to connect, in one of the `FORMATS`."""
    return FORMATS[format_name](chosen, ca)


def _dotenv(chosen: Chosen, ca: Path) -> str:
    lines = [
        f"# {chosen.project.name}, branch {chosen.branch.name}: for a .env file",
        f"DATABASE_URL={chosen.parameters.url()}",
    ]
    if chosen.replicas:
        lines.append(f'DATABASE_REPLICA_URL="{" ".join(replica.url() for replica in chosen.replicas)}"')
    lines.append(f"# To verify the server, replace sslmode=require by sslmode=verify-full&sslrootcert={ca}")
    return "\n".join(lines)


def _url(chosen: Chosen, _ca: Path) -> str:
    return chosen.parameters.url()


def _verify_full(chosen: Chosen, ca: Path) -> str:
    options = {**chosen.parameters.options, "sslmode": "verify-full", "sslrootcert": str(ca)}
    return replace(chosen.parameters, options=MappingProxyType(options)).url()


def _pg(chosen: Chosen, _ca: Path) -> str:
    variables = chosen.parameters.pg_variables()
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def _django(chosen: Chosen, _ca: Path) -> str:
    replica = "\nDATABASE_ROUTERS = ['django_dormouse.replicas.Router']" if chosen.replicas else ""
    return (
        "# settings.py; DATABASE_URL and DATABASE_REPLICA_URL come from `dormouse env`\n"
        "import django_dormouse\n\n"
        f"DATABASES = django_dormouse.databases(){replica}"
    )


def _other(chosen: Chosen, _ca: Path) -> str:
    """For drivers without `hostaddr`: a name that resolves, and the endpoint in the options."""
    parameters = replace(
        chosen.parameters,
        host="localhost",
        options=MappingProxyType({"sslmode": "require", "options": f"endpoint={chosen.endpoint.id}"}),
    )
    return parameters.url()


FORMATS: Final[Mapping[str, Callable[[Chosen, Path], str]]] = MappingProxyType(
    {
        "dotenv": _dotenv,
        "url": _url,
        "verify-full": _verify_full,
        "pg": _pg,
        "django": _django,
        "other": _other,
    }
)


def _one(kind: str, wanted: str | None, found: Sequence[T], *, hint: str) -> T:
    """The one with that name or id, or the only one."""
    if wanted is not None:
        found = [candidate for candidate in found if wanted in (candidate.id, candidate.name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(f"there is no {kind}" + (f" {wanted!r}" if wanted else ""), hint)
    there = ", ".join(f"{candidate.name} ({candidate.id})" for candidate in found)
    raise UserError(f"there are several {kind}s: {there}", f"choose one with --{kind}")


def _named(kind: str, wanted: str | None, found: list[str]) -> str:
    if wanted is None and len(found) == 1:
        return found[0]
    if wanted in found:
        return wanted
    there = ", ".join(found) or "none"
    if wanted is None:
        raise UserError(f"there are several {kind}s: {there}", f"choose one with --{kind}")
    raise UserError(f"there is no {kind} {wanted!r}; found: {there}")
