"""What an examination of the machine comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Literal["fine", "note", "problem"]
    subject: str
    text: str
    hint: str = ""
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    """What the text says, for programs: a name with its unit, and a value."""

    @property
    def mark(self) -> str:
        """One character to look for."""
        return {"fine": "✓", "note": "·", "problem": "✗"}[self.level]
