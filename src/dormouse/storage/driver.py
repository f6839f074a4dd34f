"""What a way of cloning data directories must be able to do."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["Driver", "Probe", "Usage", "Wanted", "everything", "is_wanted_in_clone"]

Wanted = Callable[[str], bool]
"""Whether a path, relative to the root of a tree, belongs into its clone: `base/5/1259`. A text, since there are a
thousand of them, and a path object takes longer to make than its file to be looked at."""

_NOT_CLONED = frozenset({"postmaster.pid", "postmaster.opts", "pg_internal.init"})
_EMPTIED = frozenset(
    {"pg_dynshmem", "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans"}
)
"""What the manual (26.3.4) says to leave out of a base backup: made anew at start, or another server's."""


def everything(_: str) -> bool:
    """The rule that leaves nothing behind."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Whether a driver works in a folder, and why it does or does not."""

    works: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a clone cost, or what a folder holds."""

    files: int
    size_bytes: int
    """The sum of the files' lengths."""
    own_bytes: int
    """Of a folder: what deleting it would free, that is, on disk and shared with nothing outside of it. Of a
    clone just made: what was written for it, and not shared with the source or with an earlier clone."""


class Driver(Protocol):
    """One way of cloning. Methods block; call them off the event loop."""

    @property
    def name(self) -> str:
        """`copy`, `reflink`."""
        ...

    def probe(self, folder: Path) -> Probe:
        """Try it on a real file in `folder`."""
        ...

    def clone(
        self,
        source: Path,
        target: Path,
        *,
        owner: tuple[int, int] | None = None,
        wanted: Wanted = everything,
        like: Path | None = None,
        over: Path | None = None,
        stop: threading.Event | None = None,
    ) -> Usage:
        """Make `target` a clone of the folder `source`; `target` must not exist, and is not synced.

        But if there is `over`, `target` is a clone of that already, and only what differs from it is made; the
        answer tells of that alone. `source` has grown out of such a clone, and nobody writes to `over`.

        `wanted` gets paths relative to `source`; of an unwanted folder not even the name is made.
        `like` is an earlier clone of the same folder, which nobody writes to, nor to this one: what did not
        change since may then be the same file, by a hard link. It may be incomplete, or gone.
        A file that vanishes while a running server is cloned is left out, as the manual allows.
        Raises OSError, and CloneStopped soon after `stop` is set; what was made so far is then for the caller
        to delete.
        """
        ...

    def usage(self, folder: Path) -> Usage:
        """What the folder holds, counted file by file."""
        ...

    def delete(self, folder: Path) -> None:
        """Remove the folder with all below it; no error if it is not there."""
        ...


def is_wanted_in_clone(path: str, *, running: bool) -> bool:
    """Whether a file of a data directory belongs into its clone (manual, 26.3.4).

    `path` is relative to the data directory. The WAL of a running server stays behind: it is still being
    written, and comes to a standby from the archive or the stream. That of a stopped one comes along,
    since its last checkpoint is in it.
    """
    name = path.rpartition("/")[2]
    if name in _NOT_CLONED or name.startswith("pgsql_tmp"):
        return False
    top, _, below = path.partition("/")
    if below and top in _EMPTIED:
        return False
    if below and top == "pg_wal":
        return below in ("archive_status", "summaries") if running else True
    return True
