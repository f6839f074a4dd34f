"""What all pages share: the control plane, the templates, the doors."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from dormouse.control.plane import ControlPlane
from dormouse.web.console import wording
from dormouse.web.console.doors import Doors
from dormouse.web.local import Local

__all__ = ["Desk", "NavItem", "StaticFile", "load_static"]

_TYPES: Final = MappingProxyType(
    {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
)
"""What is served of the folder `static`; the rest of it are licences."""


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


@dataclass(frozen=True, kw_only=True)
class StaticFile:
    """A file that pages refer to."""

    name: str
    content: bytes
    media_type: str

    @cached_property
    def path(self) -> str:
        """Holds a digest of the content, so that a browser may keep it for ever."""
        return f"/static/{hashlib.sha256(self.content).hexdigest()[:12]}/{self.name}"


def load_static() -> dict[str, StaticFile]:
    """All of them, by name."""
    found = {}
    for each in files("dormouse.web.console").joinpath("static").iterdir():
        media_type = _TYPES.get(each.name.rpartition(".")[2])
        if media_type is not None:
            found[each.name] = StaticFile(name=each.name, content=each.read_bytes(), media_type=media_type)
    return found


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Made once, when the console is first asked for."""

    plane: ControlPlane
    local: Local | None
    doors: Doors
    clock: Callable[[], float]
    """Goes only forward."""
    now: Callable[[], datetime]
    ca_path: str
    """The authority that vouches for the proxy's certificate; empty if that is not known."""
    navigation: tuple[NavItem, ...]
    static: dict[str, StaticFile] = field(default_factory=load_static)

    @cached_property
    def templates(self) -> Environment:
        """Everything that is put into a page is escaped; a name that a template misspells is an error."""
        found = Environment(
            loader=PackageLoader("dormouse.web.console"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        found.globals["asset"] = lambda name: self.static[name].path
        found.filters |= {
            "size": wording.size,
            "span": wording.span,
            "clock": wording.clock,
            "duration": wording.duration,
            "ago": lambda moment: wording.ago(moment, self.now()),
        }
        return found
