"""What a Postgres says of its parameters and of values for them, without a data directory. Blocks."""

import os
import subprocess
from collections.abc import Mapping
from typing import Final

from dormouse.compute.account import Account, run_as
from dormouse.compute.binaries import Postgres
from dormouse.compute.environment import child_environment
from dormouse.compute.guc import Parameter, fatal_of, parse_description
from dormouse.errors import ComputeError

__all__ = ["complaint", "describe"]

_TIMEOUT_S: Final = 20.0
"""It takes 20 ms; a machine that is loaded ever so much needs less than this."""

_NO_FILES: Final = ("config_file=/dev/null", "hba_file=/dev/null", "ident_file=/dev/null", "data_directory=/")


def describe(postgres: Postgres, account: Account | None) -> dict[str, Parameter]:
    """All parameters that a file may set, by name in lower case. Raises ComputeError."""
    done = _run(postgres, account, ["--describe-config"])
    known = parse_description(done.stdout)
    if not known:
        raise ComputeError(f"{postgres.program('postgres')} does not tell its parameters: {done.stderr.strip()}")
    return known


def complaint(postgres: Postgres, account: Account | None, settings: Mapping[str, str]) -> str | None:
    """What Postgres has against a value, in its own words; None if it takes them all. Raises ComputeError.

    `-C` prints one parameter and ends, after all that the command line sets was checked, as at a start.
    """
    given = [f"{name}={value}" for name, value in settings.items()]
    options = [word for setting in (*_NO_FILES, *given) for word in ("-c", setting)]
    done = _run(postgres, account, ["-C", "data_directory", *options])
    if done.returncode == 0:
        return None
    return fatal_of(done.stderr) or f"Postgres does not take these values: {', '.join(settings)}"


def _run(postgres: Postgres, account: Account | None, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            **run_as(account, [postgres.program("postgres"), *arguments]),
            env=child_environment(os.environ),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_TIMEOUT_S,
            cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ComputeError(
            f"{postgres.program('postgres')} cannot be asked for its parameters: {error}"
        ) from error
