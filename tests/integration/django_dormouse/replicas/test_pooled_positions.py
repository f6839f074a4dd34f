"""Positions through a real PgBouncer in transaction mode, whose server sessions change under one client."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.integration.django_dormouse.conftest import wait_until

PGBOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/bin")

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="this machine has no PgBouncer")


@pytest.fixture
def pooler(primary) -> Iterator[int]:
    """Its port; three server sessions, taken in turn."""
    folder = Path(tempfile.mkdtemp(prefix="dj-dormouse-"))
    folder.chmod(0o755)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    (folder / "users").write_text('"owner" ""\n')
    (folder / "ini").write_text(
        f"[databases]\napp = host=127.0.0.1 port={primary.port}\n[pgbouncer]\npool_mode = transaction\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nauth_file = {folder}/users\n"
        "min_pool_size = 3\ndefault_pool_size = 3\nserver_round_robin = 1\nunix_socket_dir =\n"
    )
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        entry = pwd.getpwnam("nobody")
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(PGBOUNCER), folder / "ini"], cwd=folder, stdout=log, stderr=log, **account)
        try:
            wait_until(lambda: _answers(port), f"PgBouncer listens: {folder}/log")
            yield port
        finally:
            process.terminate()
            process.wait(10)
            shutil.rmtree(folder)


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def positions_of_writes() -> Any:
    from django.db import connection, connections
    from django.test import Client

    from django_dormouse.replicas import tokens

    # Three transactions at once, so that there are three sessions.
    held = [connections.create_connection("default") for _ in range(3)]
    for each in held:
        each.set_autocommit(False)
        each.cursor().execute("SELECT 1")
    for each in held:
        each.rollback()
        each.close()
    client, backends, positions = Client(), set(), []
    for number in range(6):
        client.post(f"/write_in_atomic/?title={number}")
        positions.append(tokens.unsign(client.cookies["dormouse_position"].value).needs)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backends.add(cursor.fetchone()[0])
    return {
        "several servers": len(backends) > 1,
        "rises": [one.lsn for one in positions] == sorted({one.lsn for one in positions}),
        "incarnations": sorted({one.incarnation for one in positions}),
        "titles": len(client.get("/read/").json()["titles"]),
    }


def test_commit_brings_the_position_through_a_pooler(project, pooler):
    """Each COMMIT asks whose log it is, because the next may go to another session, or server."""
    url = f"postgresql://owner@127.0.0.1:{pooler}/app?pooled=true"

    assert project.with_environment(DATABASE_URL=url).run(positions_of_writes) == {
        "several servers": True,
        "rises": True,
        "incarnations": ["0123456789abcdef"],
        "titles": 6,
    }
