"""How the same is done elsewhere: what stands behind "How to do this" on every page. Pure."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["HowTo", "curl"]

_KEY: Final = '"Authorization: Bearer $NEON_API_KEY"'
"""In double quotes, so that the shell puts the key in; the page itself never holds one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HowTo:
    """Four ways to what a page does; each may have several lines."""

    command: str
    """`dormouse …`"""
    api: str
    """See `curl`. The variables come from `eval "$(dormouse env --format neonctl)"`."""
    neonctl: str
    django: str
    """What of it concerns a Django site: a setting, a `manage.py` command."""


def curl(path: str, method: str = "GET", body: Mapping[str, object] | None = None, *, local: bool = False) -> str:
    """A request to the API; `path` is below its root, or below this platform's own if it is `local`."""
    base = '"${NEON_API_HOST%/api/v2}/_local' if local else '"$NEON_API_HOST'
    parts = ["curl", *([] if method == "GET" else ["-X", method]), f'{base}{path}"', "-H", _KEY]
    if body is not None:
        parts += [
            "-H",
            "'Content-Type: application/json'",
            "-d",
            shlex.quote(json.dumps(body, ensure_ascii=False)),
        ]
    return " ".join(parts)
