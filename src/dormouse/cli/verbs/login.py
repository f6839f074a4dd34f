"""`dormouse login`"""

import getpass
import os
import sys
from typing import Annotated

import typer

from dormouse.api.client import Client
from dormouse.cli.credentials import login_file, store_login
from dormouse.cli.output import AskedWrongly, answer, fails_politely, say
from dormouse.cli.platforms import NEON, Login

__all__ = ["login"]


@fails_politely
def login(
    *,
    api_host: Annotated[
        str | None, typer.Option("--api-host", help=f"The API's address; default: NEON_API_HOST, or {NEON}.")
    ] = None,
) -> None:
    """Keep an API key; from then on the verbs about projects mean Neon, until `dormouse logout`.

    The key is asked for, or read from standard input; it is tried, and kept in a file that only you can read.
    `--local` means the platform of this machine all the same.

    Example: dormouse login
    """
    host = (api_host or os.environ.get("NEON_API_HOST") or NEON).rstrip("/")
    key = _key()
    if not key:
        raise AskedWrongly("no key was given", "Neon's console makes one, under Account settings, API keys")
    # Every kind of key may ask this, an organization's too.
    Client(host, key).auth()
    path = login_file()
    store_login(path, Login(api_host=host, api_key=key))
    answer(f"logged in at {host}; kept in {path}")
    say("next: `dormouse project list`; --local means this machine's platform, `dormouse logout` ends it")


def _key() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("API key: ", stream=sys.stderr).strip()
    return sys.stdin.readline().strip()
