"""What the state is called that a branch had before a restore. Pure."""

import re
from datetime import UTC, datetime
from typing import Final

__all__ = ["is_old_name", "old_name"]

_OLD: Final = re.compile(r"_old_[0-9]{8}T[0-9]{6}Z$")
_LONGEST_NAME: Final = 200
"""The API takes 256 characters; what is kept of a name leaves room for its time."""


def old_name(name: str, now: datetime) -> str:
    """What the state that a branch has now is called afterwards: `main_old_20260101T000000Z`.

    That of a branch that has such a name already gets a new time, not a second one.
    """
    return f"{_plain(name)}_old_{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def is_old_name(name: str, of: str) -> bool:
    """Whether it is what `old_name` calls a state that the branch `of` had."""
    return _OLD.search(name) is not None and _plain(name) == _plain(of) and name != of


def _plain(name: str) -> str:
    return _OLD.sub("", name)[:_LONGEST_NAME]
