"""Projects as the console shows them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dormouse.control.model import Branch, Endpoint, Project
from dormouse.names import ProjectId
from dormouse.web.console.states import State, state_of_all

__all__ = ["REGIONS", "DeletedProject", "ProjectCard", "deleted_project", "project_card"]

REGIONS: Final = (
    "aws-us-east-2",
    "aws-us-east-1",
    "aws-us-west-2",
    "aws-eu-central-1",
    "aws-eu-west-2",
    "aws-ap-southeast-1",
    "aws-ap-southeast-2",
    "aws-sa-east-1",
    "azure-eastus2",
    "azure-westus3",
    "azure-gwc",
)
"""Neon's, the default first. Here a region is a label: everything is on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCard:
    """A project in the list."""

    id: ProjectId
    name: str
    pg_version: int
    state: State
    branches: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedProject:
    """One that can be recovered."""

    id: ProjectId
    name: str
    deleted_at: datetime | None
    recoverable_until: datetime | None


def project_card(project: Project, branches: Sequence[Branch], endpoints: Sequence[Endpoint]) -> ProjectCard:
    """With what belongs to it."""
    return ProjectCard(
        id=project.id,
        name=project.name,
        pg_version=project.pg_version,
        state=state_of_all(endpoints),
        branches=len(branches),
        created_at=project.created_at,
    )


def deleted_project(project: Project) -> DeletedProject:
    """As the list of what can be recovered shows it."""
    return DeletedProject(
        id=project.id,
        name=project.name,
        deleted_at=project.deleted_at,
        recoverable_until=project.recoverable_until,
    )
