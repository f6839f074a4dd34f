"""What all pages share: the control plane, the doors, what was measured, and the time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from dormouse.control.plane import ControlPlane
from dormouse.web.about import About
from dormouse.web.console.doors import Doors
from dormouse.web.console.trends import Trends
from dormouse.web.local import Local

__all__ = ["Desk", "NavItem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NavItem:
    """A line of the navigation."""

    name: str
    """Of the section, to say which one is open."""
    title: str
    path: str
    """With `{project_id}`, for one that belongs to a project."""

    @property
    def of_project(self) -> bool:
        """Whether it belongs to a project."""
        return "{project_id}" in self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Made once, when the console is first asked for."""

    plane: ControlPlane
    local: Local | None
    doors: Doors
    clock: Callable[[], float]
    """Goes only forward."""
    now: Callable[[], datetime]
    about: About
    navigation: tuple[NavItem, ...]
    trends: Trends = field(default_factory=Trends)
