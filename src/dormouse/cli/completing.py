"""Names for the shell to complete: asked of the platform that is meant, within a second, and never with a word."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import typer

from dormouse.api.client import Client
from dormouse.cli.choosing import all_projects, the_branch, the_project
from dormouse.cli.git import find_checkout
from dormouse.cli.pinned import Pinned
from dormouse.cli.session import client_for, meant_now, pinned_now
from dormouse.errors import DormouseError
from dormouse.names import ProjectId

__all__ = [
    "branch_names",
    "database_names",
    "deleted_branch_names",
    "git_branch_names",
    "project_names",
    "role_names",
    "snapshot_names",
]

_PATIENCE_S: Final = 1.0
"""Who presses Tab is typing on."""


def project_names(context: typer.Context, incomplete: str) -> list[str]:
    """The names of projects that begin so."""
    return _names(context, incomplete, lambda client, _pinned: (each.name for each in all_projects(client)))


def branch_names(context: typer.Context, incomplete: str) -> list[str]:
    """The names of branches that begin so, of the project that is meant."""

    def names(client: Client, pinned: Pinned) -> Iterable[str]:
        project = the_project(client, context.params.get("project"), pinned)
        return (each.name for each in client.branches(ProjectId(project.id)).branches)

    return _names(context, incomplete, names)


def deleted_branch_names(context: typer.Context, incomplete: str) -> list[str]:
    """The names of branches that can be brought back, of the project that is meant."""

    def names(client: Client, pinned: Pinned) -> Iterable[str]:
        project = the_project(client, context.params.get("project"), pinned)
        found = client.branches(ProjectId(project.id), include_deleted=True).branches
        return (each.name for each in found if each.recovery is not None)

    return _names(context, incomplete, names)


def snapshot_names(context: typer.Context, incomplete: str) -> list[str]:
    """The names of snapshots that begin so, of the project that is meant."""

    def names(client: Client, pinned: Pinned) -> Iterable[str]:
        project = the_project(client, context.params.get("project"), pinned)
        return (each.name for each in client.snapshots(ProjectId(project.id)))

    return _names(context, incomplete, names)


def git_branch_names(_context: typer.Context, incomplete: str) -> list[str]:
    """The names of git branches that begin so, of the checkout that this folder is in."""
    try:
        return [name for name in find_checkout(Path.cwd()).branches() if name.startswith(incomplete)]
    except DormouseError:
        return []


def role_names(context: typer.Context, incomplete: str) -> list[str]:
    """The names of roles that begin so, of the branch that is meant."""

    def names(client: Client, pinned: Pinned) -> Iterable[str]:
        project = the_project(client, context.params.get("project"), pinned)
        branch = the_branch(client, project, context.params.get("branch"), pinned)
        return (each.name for each in client.roles(ProjectId(project.id), branch.id))

    return _names(context, incomplete, names)


def database_names(context: typer.Context, incomplete: str) -> list[str]:
    """The names of databases that begin so, of the branch that is meant."""

    def names(client: Client, pinned: Pinned) -> Iterable[str]:
        project = the_project(client, context.params.get("project"), pinned)
        branch = the_branch(client, project, context.params.get("branch"), pinned)
        return (each.name for each in client.databases(ProjectId(project.id), branch.id))

    return _names(context, incomplete, names)


def _names(context: typer.Context, incomplete: str, ask: Callable[[Client, Pinned], Iterable[str]]) -> list[str]:
    try:
        said = context.params
        platform = meant_now(local=bool(said.get("local")), neon=bool(said.get("neon")))
        found = ask(client_for(platform, timeout_s=_PATIENCE_S), pinned_now())
        return sorted(name for name in found if name.startswith(incomplete))
    except DormouseError:
        # The command itself will say what is wrong.
        return []
