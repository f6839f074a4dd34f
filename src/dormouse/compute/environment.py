"""The environment of every child. `PGHOSTADDR` and its kin change what libpq and Postgres do, wherever they
come from: with `PGHOSTADDR` set, `host=/socket/dir` is ignored, in a walreceiver as well. So none gets in.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["BACKEND_OOM_SCORE", "POSTMASTER_OOM_SCORE", "child_environment", "server_environment"]

# When memory is short the kernel takes who has the most, and these of 1,000 are added to what it has: first a
# backend, whose server restarts the others; then a server, which wakes again; and the platform last.
BACKEND_OOM_SCORE: Final = 400
POSTMASTER_OOM_SCORE: Final = 200

_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a Postgres program gets: the few variables it needs, by name; messages in English, times in UTC."""
    kept = {key: environ[key] for key in _KEPT if key in environ}
    kept.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def server_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The same for a postmaster, with how readily the kernel may kill its backends when memory is short.

    They set that themselves (manual, 19.4.4); systems without the file have no such killer.
    """
    return child_environment(environ) | {
        "PG_OOM_ADJUST_FILE": "/proc/self/oom_score_adj",
        "PG_OOM_ADJUST_VALUE": str(BACKEND_OOM_SCORE),
    }
