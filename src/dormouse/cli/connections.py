"""Every way of writing down how to connect to a branch."""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from dormouse.api.client import Client
from dormouse.api.records import Branch, Endpoint
from dormouse.cli import background
from dormouse.cli.carrying_over import Wishes
from dormouse.cli.choosing import AnyProject, the_branch, the_name, the_project
from dormouse.cli.pinned import Pinned
from dormouse.errors import UserError
from dormouse.home import api_key_of
from dormouse.names import BranchId, EndpointId, ProjectId
from dormouse.storage.layout import Layout
from dormouse.uri import ConnectionParameters

__all__ = ["FORMATS", "Chosen", "Target", "choose", "choose_on", "client_of", "variables", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the user said; None leaves it to the rules."""

    project: str | None = None
    branch: str | None = None
    role: str | None = None
    database: str | None = None
    replica: bool = False
    pooled: bool = False
    pinned: Pinned | None = None
    wishes: Wishes = field(default_factory=Wishes)
    """Of a role and a database that is taken if nothing was said and it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was meant."""

    project: AnyProject
    branch: Branch
    endpoint: Endpoint
    parameters: ConnectionParameters
    """By way of the pooler, if that was asked for."""
    direct: ConnectionParameters
    """The same past the pooler."""
    replicas: tuple[ConnectionParameters, ...]
    """Of all read replicas of the branch, the oldest first; by the pooler like `parameters`."""


def client_of(layout: Layout, *, timeout_s: float = 60.0) -> Client:
    """A client of the platform that serves this home. Raises NotRunning."""
    there = background.find(layout)
    return Client(f"{there.http_url}/api/v2", api_key_of(layout), timeout_s=timeout_s)


def choose(client: Client, target: Target) -> Chosen:
    """What `choosing` makes of project, branch, role and database; the branch's primary, or its first replica.

    Raises UserError naming what there is to choose from.
    """
    project = the_project(client, target.project, target.pinned)
    return choose_on(client, project, the_branch(client, project, target.branch, target.pinned), target)


def choose_on(client: Client, project: AnyProject, branch: Branch, target: Target) -> Chosen:
    """The same where project and branch are known; the target's own are not looked at."""
    project_id, branch_id = ProjectId(project.id), BranchId(branch.id)
    endpoints = sorted(client.branch_endpoints(project_id, branch_id), key=lambda each: (each.created_at, each.id))
    wanted = "read_only" if target.replica else "read_write"
    endpoint = next((each for each in endpoints if each.type == wanted), None)
    if endpoint is None:
        raise UserError(
            f"branch {branch.name!r} has no {wanted} compute",
            f"add one: `dormouse replica add --branch {shlex.quote(branch.name)}`"
            if target.replica
            else f"make a branch that has one: `dormouse branch create NAME --parent {shlex.quote(branch.name)}`",
        )
    owners = {database.name: database.owner_name for database in client.databases(project_id, branch_id)}
    database = the_name("database", target.database, list(owners), wished=target.wishes.database)
    there = [role.name for role in client.roles(project_id, branch_id)]
    wished = target.wishes.role if target.wishes.role in there else owners[database]
    role = the_name("role", target.role, there, wished=wished)
    direct = ConnectionParameters.from_url(
        client.connection_uri(project_id, database=database, role=role, endpoint=EndpointId(endpoint.id))
    )

    def at(other: Endpoint, *, pooled: bool) -> ConnectionParameters:
        """Like neonctl: the host as the API gives it, with `-pooler` behind the id."""
        host = other.host.replace(other.id, f"{other.id}-pooler") if pooled else other.host
        name, _, port = host.partition(":")
        return replace(direct, host=name, port=int(port) if port else direct.port)

    return Chosen(
        project=project,
        branch=branch,
        endpoint=endpoint,
        parameters=at(endpoint, pooled=True) if target.pooled else direct,
        direct=direct,
        replicas=tuple(at(each, pooled=target.pooled) for each in endpoints if each.type == "read_only"),
    )


def variables(chosen: Chosen) -> dict[str, str]:
    """`DATABASE_URL`, `DATABASE_URL_UNPOOLED`, and `DATABASE_REPLICA_URL` if there are replicas."""
    found = {"DATABASE_URL": chosen.parameters.url(), "DATABASE_URL_UNPOOLED": chosen.direct.url()}
    if chosen.replicas:
        found["DATABASE_REPLICA_URL"] = " ".join(replica.url() for replica in chosen.replicas)
    return found


def write(chosen: Chosen, format_name: str, ca: Path | None) -> str:
    """How to connect, in one of the `FORMATS`; `ca` None is a server that the system's authorities vouch for."""
    return FORMATS[format_name](chosen, ca)


def _dotenv(chosen: Chosen, ca: Path | None) -> str:
    lines = [f"# {chosen.project.name}, branch {chosen.branch.name}: for a .env file"]
    # Several URLs are parted by spaces, which want quotes; a URL itself holds neither.
    lines += [f'{name}="{url}"' if " " in url else f"{name}={url}" for name, url in variables(chosen).items()]
    if ca is not None:
        lines.append(f"# To verify the server, replace sslmode=require by sslmode=verify-full&sslrootcert={ca}")
    return "\n".join(lines)


def _shell(chosen: Chosen, _ca: Path | None) -> str:
    return "\n".join(f"export {name}={shlex.quote(url)}" for name, url in variables(chosen).items())


def _json(chosen: Chosen, _ca: Path | None) -> str:
    return json.dumps(variables(chosen), indent=2)


def _url(chosen: Chosen, _ca: Path | None) -> str:
    return chosen.parameters.url()


def _verify_full(chosen: Chosen, ca: Path | None) -> str:
    return chosen.parameters.verified("system" if ca is None else str(ca)).url()


def _pg(chosen: Chosen, _ca: Path | None) -> str:
    found = chosen.parameters.pg_variables()
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in found.items())


def _django(chosen: Chosen, _ca: Path | None) -> str:
    replica = "\nDATABASE_ROUTERS = ['django_dormouse.replicas.Router']" if chosen.replicas else ""
    return (
        "# settings.py; DATABASE_URL and DATABASE_REPLICA_URL come from `dormouse env`\n"
        "import django_dormouse\n\n"
        f"DATABASES = django_dormouse.databases(){replica}"
    )


def _other(chosen: Chosen, ca: Path | None) -> str:
    """For drivers without `hostaddr`: a name that resolves, and the endpoint in the options."""
    if ca is None:
        return chosen.parameters.url()
    return chosen.parameters.without_hostaddr(chosen.endpoint.id).url()


FORMATS: Final[Mapping[str, Callable[[Chosen, Path | None], str]]] = MappingProxyType(
    {
        "dotenv": _dotenv,
        "shell": _shell,
        "json": _json,
        "url": _url,
        "verify-full": _verify_full,
        "pg": _pg,
        "django": _django,
        "other": _other,
    }
)
