"""The environment of every child. `PGHOSTADDR` and its kin change what libpq and Postgres do, wherever they
come from: with `PGHOSTADDR` set, `host=/socket/dir` is ignored, in a walreceiver as well. So none gets in.
"""

from collections.abc import Mapping

__all__ = ["child_environment"]

_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a Postgres program gets: the few variables it needs, by name; messages in English, times in UTC."""
    kept = {key: environ[key] for key in _KEPT if key in environ}
    kept.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
