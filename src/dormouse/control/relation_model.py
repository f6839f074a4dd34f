"""Tables and views of a database, to be looked at and browsed. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dormouse.control.points import HEAD, Point
from dormouse.names import BranchId, ProjectId

__all__ = [
    "BROWSED_CHARACTERS",
    "Browse",
    "Filter",
    "Operator",
    "Relation",
    "RelationColumn",
    "RelationConstraint",
    "RelationDetail",
    "RelationIndex",
    "RelationKind",
    "Scope",
    "Sort",
]

BROWSED_CHARACTERS: Final = 1000
"""How much of a value is read when rows are browsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where one looks, as whom, and at what time."""

    project: ProjectId
    branch: BranchId
    database: str
    role: str
    point: Point = HEAD


class RelationKind(StrEnum):
    """As `pg_class.relkind` has them."""

    TABLE = "r"
    PARTITIONED_TABLE = "p"
    VIEW = "v"
    MATERIALIZED_VIEW = "m"
    FOREIGN_TABLE = "f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Something with rows."""

    schema: str
    name: str
    kind: RelationKind
    estimated_rows: int | None
    """As Postgres counted them when it last looked; None where it did not."""
    size_bytes: int | None
    """With indexes and TOAST, and of all partitions; None for what keeps no rows."""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationColumn:
    """A column."""

    name: str
    type: str
    """`character varying(20)`"""
    nullable: bool
    default: str = ""
    """An expression, also that of a generated column; empty for none."""
    made: str = ""
    """`identity`, or `generated` for one that is computed from others; empty for all else."""
    is_wide: bool = False
    """Whether its values may be of any length."""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationIndex:
    """An index."""

    name: str
    definition: str
    """`CREATE INDEX …`"""
    size_bytes: int
    is_valid: bool
    """False for one that CREATE INDEX CONCURRENTLY left behind, or has not finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationConstraint:
    """A constraint."""

    name: str
    definition: str
    """`FOREIGN KEY (author_id) REFERENCES author(id)`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationDetail:
    """A table or view with what belongs to it."""

    relation: Relation
    columns: tuple[RelationColumn, ...]
    key: tuple[str, ...] = ()
    """The columns of the primary key; empty without one."""
    indexes: tuple[RelationIndex, ...] = ()
    constraints: tuple[RelationConstraint, ...] = ()
    view: str = ""
    """The query of a view."""


class Operator(StrEnum):
    """How a column is compared with a value."""

    EQUAL = "="
    UNEQUAL = "<>"
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    CONTAINS = "contains"
    STARTS_WITH = "starts with"
    IS_NULL = "is null"
    IS_NOT_NULL = "is not null"

    @property
    def takes_value(self) -> bool:
        """Whether there is something to compare with."""
        return self not in (Operator.IS_NULL, Operator.IS_NOT_NULL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Rows are shown whose column compares so."""

    column: str
    operator: Operator
    value: str = ""
    """In the column's own notation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """Rows are shown in the order of a column; where it is the same, of the primary key."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Browse:
    """Which rows are looked at."""

    filters: tuple[Filter, ...] = ()
    sort: Sort | None = None
    """None is the order of the primary key."""
    offset: int = 0
    limit: int = 50
