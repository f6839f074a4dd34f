"""psql: through the proxy where there is one with TLS, else over the compute's own socket."""

import os
import shutil
import time
from collections.abc import Mapping
from typing import Final

from dormouse.api.client import Client
from dormouse.cli.connections import Chosen
from dormouse.compute.account import server_account
from dormouse.compute.binaries import find_installed
from dormouse.errors import UserError
from dormouse.home import socket_root
from dormouse.names import EndpointId, ProjectId
from dormouse.storage.layout import Layout

__all__ = ["psql_command"]

_WAKE_S: Final = 60.0


def psql_command(
    layout: Layout | None, client: Client, chosen: Chosen, environ: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command and its environment, in which the password travels: a command line is everybody's to read.

    The bundled psql cannot speak TLS, so it goes to the socket of a compute that is woken for it; there it
    counts as no activity, and the compute may fall asleep below it. `layout` None is a platform elsewhere, of
    which there is no socket here.
    """
    environment = {key: value for key, value in environ.items() if not key.startswith("PG")}
    if found := shutil.which("psql", path=environ.get("PATH")):
        return [found], environment | chosen.parameters.pg_variables()
    account = server_account()
    if layout is None:
        raise UserError(
            "psql is not on the PATH, and the bundled one speaks no TLS",
            "install it (apt install postgresql-client, brew install libpq)",
        )
    for postgres in find_installed(None, environ, account):
        if os.access(postgres.program("psql"), os.X_OK):
            _wake(client, ProjectId(chosen.project.id), EndpointId(chosen.endpoint.id))
            folder = (
                socket_root(layout, account, environ.get("XDG_RUNTIME_DIR"))
                / chosen.endpoint.id.rpartition("-")[2]
            )
            return [postgres.program("psql")], environment | {
                "PGHOST": str(folder),
                "PGPORT": "5432",
                "PGUSER": chosen.parameters.role,
                "PGDATABASE": chosen.parameters.database,
            }
    raise UserError("psql is not on the PATH", "install it (apt install postgresql-client, brew install libpq)")


def _wake(client: Client, project: ProjectId, endpoint: EndpointId) -> None:
    client.start_endpoint(project, endpoint)
    deadline = time.monotonic() + _WAKE_S
    while client.endpoint(project, endpoint).current_state != "active":
        if time.monotonic() > deadline:
            raise UserError(f"the compute {endpoint} did not wake within {_WAKE_S:g} s", "see `dormouse logs`")
        time.sleep(0.01)
