"""The templates, and the files that they refer to: read once in a process."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context

from dormouse.sizes import size_text
from dormouse.web.console import wording

__all__ = ["StaticFile", "href", "load_static", "prepare", "render"]

_TYPES: Final = MappingProxyType(
    {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
)
"""What is served of the folder `static`; the rest of it are licences."""


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


@cache
def load_static() -> Mapping[str, StaticFile]:
    """All of them, by name."""
    found = {}
    for each in files("dormouse.web.console").joinpath("static").iterdir():
        media_type = _TYPES.get(each.name.rpartition(".")[2])
        if media_type is not None:
            found[each.name] = StaticFile(name=each.name, content=each.read_bytes(), media_type=media_type)
    return found


def render(template: str, **content: Any) -> str:
    """A template filled in. `now` is the moment from which ages are told, for one that tells them."""
    return _environment().get_template(template).render(content)


def prepare(template: str) -> None:
    """Read a template, and all that it extends and takes in, before it is needed."""
    _environment().get_template(template)
    for each in ("base.html", "shell.html", "macros.html"):
        _environment().get_template(each)


def href(path: str, *segments: str, **query: str | int | None) -> str:
    """A path with its `{}` filled in, and what follows the `?`; None is left out.

    `href("/projects/{}/branches", id, branch="br-…")`
    """
    filled = path.format(*(quote(each, safe="") for each in segments))
    given = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items() if value is not None)
    return f"{filled}?{given}" if given else filled


@cache
def _environment() -> Environment:
    """Everything that is put into a page is escaped; a name that a template misspells is an error."""
    found = Environment(
        loader=PackageLoader("dormouse.web.console"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.globals |= {"asset": lambda name: load_static()[name].path, "href": href}
    found.filters |= {"size": size_text, "clock": wording.clock, "duration": wording.duration, "ago": _ago}
    return found


@pass_context
def _ago(context: Context, moment: datetime | None) -> str:
    return wording.ago(moment, context["now"])
