"""What may be done and what may not, in the API's words. Pure: each rule looks at records and raises or not."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dormouse.control.model import Branch, Database, Endpoint, EndpointType, Project
from dormouse.errors import Conflict, Invalid, LimitExceeded, RuleViolation

__all__ = [
    "Quotas",
    "may_be_called",
    "may_delete_branch",
    "may_delete_endpoint",
    "may_delete_project",
    "may_delete_role",
    "may_expire",
    "may_have_another_branch",
    "may_have_another_endpoint",
    "may_have_another_project",
    "may_have_endpoint",
]

_RESERVED_ROLES: Final = frozenset({"cloud_admin", "neon_superuser", "postgres", "public", "none"})
_RESERVED_DATABASES: Final = frozenset({"postgres", "template0", "template1"})
_LONGEST_TTL: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """How many of each there may be. One machine's reason, not a plan's: each branch is a copy on its disk."""

    projects: int = 1000
    branches: int = 5000
    """Of a project."""
    endpoints: int = 5000
    """Of a project."""


def may_have_another_project(quotas: Quotas, projects: Collection[Project]) -> None:
    """Raises LimitExceeded."""
    if len(projects) >= quotas.projects:
        raise LimitExceeded(
            f"user projects limit of {quotas.projects} exceeded, got {len(projects)}", "PROJECTS_LIMIT_EXCEEDED"
        )


def may_have_another_branch(quotas: Quotas, branches: Collection[Branch]) -> None:
    """Raises LimitExceeded."""
    if len(branches) >= quotas.branches:
        raise LimitExceeded(
            f"project branches limit of {quotas.branches} exceeded, got {len(branches)}", "BRANCHES_LIMIT_EXCEEDED"
        )


def may_have_another_endpoint(quotas: Quotas, endpoints: Collection[Endpoint]) -> None:
    """Raises LimitExceeded."""
    if len(endpoints) >= quotas.endpoints:
        raise LimitExceeded(
            f"project endpoints limit of {quotas.endpoints} exceeded, got {len(endpoints)}",
            "ENDPOINTS_LIMIT_EXCEEDED",
        )


def may_be_called(kind: str, name: str, taken: Iterable[str]) -> None:
    """Whether a branch, role or database may have that name. Raises Conflict or Invalid."""
    if name in taken:
        raise Conflict(f"{kind} already exists")
    reserved = _RESERVED_ROLES if kind == "role" else _RESERVED_DATABASES if kind == "database" else ()
    if name in reserved or (kind == "role" and name.startswith("pg_")):
        raise Invalid(f"{kind} name {name!r} is reserved")


def may_have_endpoint(wanted: EndpointType, present: Iterable[Endpoint]) -> None:
    """One primary, and replicas only of a primary. Raises Conflict or RuleViolation."""
    has_primary = any(endpoint.type is EndpointType.READ_WRITE for endpoint in present)
    if wanted is EndpointType.READ_WRITE and has_primary:
        raise Conflict("read_write endpoint already exists")
    if wanted is EndpointType.READ_ONLY and not has_primary:
        raise RuleViolation("a read_only endpoint needs a read_write endpoint on its branch")


def may_delete_project(branches: Iterable[Branch]) -> None:
    """Raises RuleViolation while one is protected."""
    protected = [branch.id for branch in branches if branch.protected]
    if protected:
        raise RuleViolation(f"cannot delete project that has protected branches: {', '.join(protected)}")


def may_delete_branch(branch: Branch, branches: Iterable[Branch]) -> None:
    """Raises RuleViolation for the default branch, a protected one, and one with children."""
    if branch.default:
        raise RuleViolation("cannot delete default branch")
    if branch.protected:
        raise RuleViolation("cannot delete protected branch")
    children = [other.id for other in branches if other.parent_id == branch.id]
    if children:
        raise RuleViolation(f"cannot delete branch that has children: {', '.join(children)}")


def may_delete_endpoint(endpoint: Endpoint, branch: Branch, present: Iterable[Endpoint]) -> None:
    """Raises RuleViolation on a protected branch, and for a primary that replicas follow."""
    if branch.protected:
        raise RuleViolation("cannot delete endpoint of a protected branch")
    replicas = [other.id for other in present if other.type is EndpointType.READ_ONLY]
    if endpoint.type is EndpointType.READ_WRITE and replicas:
        raise RuleViolation(
            f"cannot delete read_write endpoint while read_only endpoints follow it: {', '.join(replicas)}"
        )


def may_delete_role(role: str, databases: Iterable[Database]) -> None:
    """Raises RuleViolation while it owns databases."""
    owned = [database.name for database in databases if database.owner_name == role]
    if owned:
        raise RuleViolation(f"cannot delete role that owns databases: {', '.join(owned)}")


def may_expire(branch: Branch, branches: Iterable[Branch], expires_at: datetime, now: datetime) -> None:
    """In the future, within 30 days, and not what others need. Raises RuleViolation."""
    if branch.default or branch.protected:
        raise RuleViolation("default and protected branches cannot expire")
    if any(other.parent_id == branch.id for other in branches):
        raise RuleViolation("a branch that has children cannot expire")
    if not now < expires_at <= now + _LONGEST_TTL:
        raise RuleViolation("expires_at must be in the future and at most 30 days ahead")
