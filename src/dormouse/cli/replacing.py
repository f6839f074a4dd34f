"""A branch's data in place of another's: a reset to the parent, a restore of the past. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dormouse.api.bodies import BranchRestore
from dormouse.api.json_form import exact_moment_text
from dormouse.api.records import Branch
from dormouse.cli.points import Point

__all__ = ["Replacement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """What is to happen to a branch."""

    target: Branch
    source: Branch
    point: Point
    preserve_under_name: str | None
    children: Sequence[str]
    """Names of the target's children: they go along with the state that is preserved."""
    has_undo: bool
    """Whether the platform keeps what it has now in any case."""

    @property
    def request(self) -> BranchRestore:
        """What the API is asked for."""
        return BranchRestore(
            source_branch_id=self.source.id,
            source_lsn=self.point.lsn,
            source_timestamp=self.point.time,
            preserve_under_name=self.preserve_under_name,
        )

    def data(self, now: datetime) -> str:
        """Whose data it gets: `what it had at 2026-01-01T00:00:00Z (10 min ago)`, `the data of main`."""
        if self.source.id == self.target.id:
            return f"what it had at {self.point.told(now)}"
        return f"the data of {self.source.name}" + ("" if self.point.is_head else f" at {self.point.told(now)}")

    @property
    def present_state(self) -> str:
        """What becomes of what it has now."""
        if self.preserve_under_name is None:
            return "what it has now " + ("can be had again by an undo alone" if self.has_undo else "is lost")
        along = f", with its children {', '.join(self.children)}" if self.children else ""
        return f"what it has now stays as branch {self.preserve_under_name}{along}"

    def would(self, now: datetime) -> list[str]:
        """The lines of a dry run."""
        return [
            f"branch {self.target.name} ({self.target.id}) would get {self.data(now)}",
            self.present_state,
            "its clients would be cut off; its id, computes, connection strings and passwords stay",
        ]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "branch_id": self.target.id,
            "source_branch_id": self.source.id,
            "source_lsn": self.point.lsn,
            "source_timestamp": None if self.point.time is None else exact_moment_text(self.point.time),
            "preserve_under_name": self.preserve_under_name,
            "children": list(self.children),
        }
