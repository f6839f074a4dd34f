"""A real PgBouncer starts from what `manage.py pgbouncerconfig` writes, and the example site works through it."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

PASSWORD = "sesame-7531"
SITE = Path(__file__).parents[4] / "examples" / "site"
PGBOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/bin")

needs_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason="this machine has no PgBouncer")


@pytest.fixture
def made(project, guarded):
    """The project on a database of its own, whose role has a password."""
    url = f"postgresql://made_pooled:{PASSWORD}@127.0.0.1:{guarded.port}/made_pooled"
    ours = project.with_environment(
        DATABASE_URL=url, DATABASE_REPLICA_URL="", DATABASE_ADMIN_URL=guarded.url(database="postgres")
    )
    done = ours.manage("createdatabase")
    assert done.returncode == 0, done.stderr
    return ours


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that PgBouncer's user can enter."""
    made = Path(tempfile.mkdtemp(prefix="dj-dormouse-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def running(folder: Path, port: int) -> Iterator[None]:
    """PgBouncer, as a user that is not root, which it refuses to be."""
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        entry = pwd.getpwnam("nobody")
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        for file in ("pgbouncer.ini", "userlist.txt"):
            os.chown(folder / file, entry.pw_uid, entry.pw_gid)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PGBOUNCER, folder / "pgbouncer.ini"], cwd=folder, stdout=log, stderr=log, **account
        )
        try:
            deadline = time.monotonic() + 10
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                text = (folder / "log").read_text()
                assert process.poll() is None and time.monotonic() < deadline, text
                time.sleep(0.02)
            text = (folder / "log").read_text()
            assert "ERROR" not in text and "WARNING" not in text, text
            yield
        finally:
            process.terminate()
            process.wait(10)


STORY = """
from django.test import Client
from catalog.models import Author
from notes.models import Note
client = Client()
assert client.get("/catalog/authors/").status_code == 200
for number in range(3):
    answer = client.post("/create/", {"title": f"n{number}", "content": "b"}, follow=True)
    assert answer.status_code == 200, (answer.status_code, answer.content[:500])
print(Author.objects.count(), Note.objects.count(), len(list(Author.objects.iterator(chunk_size=1))))
"""


@needs_pgbouncer
@pytest.mark.parametrize(
    ("mode", "secrets"), [("transaction", "scram"), ("session", "scram"), ("transaction", "plain")]
)
def test_the_example_site_works_through_it(made, guarded, folder, mode, secrets):
    port = free_port()
    extra = ["--plain-passwords"] if secrets == "plain" else []

    done = made.manage("pgbouncerconfig", str(folder), "--listen-port", str(port), "--pool-mode", mode, *extra)

    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout
    assert (PASSWORD in (folder / "userlist.txt").read_text()) == (secrets == "plain")
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    [line] = [line for line in done.stdout.splitlines() if line.startswith("DATABASE_URL=")]
    environment = made.environment | {
        "DATABASE_URL": line.partition("=")[2].replace("…", PASSWORD),
        "DATABASE_URL_UNPOOLED": made.environment["DATABASE_URL"],
        "DEBUG": "true",
        "ALLOWED_HOSTS": "testserver",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": "",
    }
    with running(folder, port):
        for arguments in (["migrate", "-v0"], ["populate"], ["shell", "-v0", "-c", STORY]):
            finished = subprocess.run(
                [sys.executable, "manage.py", *arguments],
                cwd=SITE, env=environment, capture_output=True, text=True, timeout=90,
            )  # fmt: skip
            assert finished.returncode == 0, finished.stderr[-3000:]
        assert finished.stdout.split()[-3:] == ["3", "3", "3"]
        with psycopg.connect(
            f"host=127.0.0.1 port={port} user=made_pooled password={PASSWORD} dbname=made_pooled", autocommit=True
        ) as client:
            pids = {client.execute("SELECT pg_backend_pid()").fetchone()[0] for _ in range(3)}
            assert client.info.backend_pid not in pids, "this went past the pooler"
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            psycopg.connect(f"host=127.0.0.1 port={port} user=made_pooled password=wrong dbname=made_pooled")


@needs_pgbouncer
def test_auth_query_finds_secrets_in_the_database(made, guarded, folder, asking):
    port = free_port()
    done = made.manage("pgbouncerconfig", str(folder), "--listen-port", str(port), "--auth-query", "made_one")
    assert done.returncode == 0, done.stderr
    statements = done.stdout.partition("run in each database:\n")[2].partition("\n\n")[0]
    # Its own statements, run as printed.
    asking(statements.replace("'…'", "'pooler-1'"), database="made_pooled")
    (folder / "userlist.txt").write_text('"made_one" "pooler-1"\n')

    with (
        running(folder, port),
        psycopg.connect(
            f"host=127.0.0.1 port={port} user=made_pooled password={PASSWORD} dbname=made_pooled"
        ) as client,
    ):
        assert client.execute("SELECT current_user").fetchone() == ("made_pooled",)
        there = f"postgresql://made_pooled:{PASSWORD}@127.0.0.1:{port}/made_pooled"
        untold = made.with_environment(DATABASE_URL=there).manage("dbdoctor", "default")
        told = made.with_environment(DATABASE_URL=f"{there}?pooled=true").manage("dbdoctor", "default")

    assert "put pooled=true into the URL" in untold.stdout, untold.stdout + untold.stderr
    assert "put pooled=true into the URL" not in told.stdout
    assert "through a pooler" in told.stdout
    assert "dormouse.W009" in told.stdout, "there is no way past it"


def test_what_cannot_be_is_said_in_a_sentence(made, guarded, folder):
    target = str(folder / "new")
    for environment, says in (
        ({"DATABASE_ADMIN_URL": ""}, "Only a superuser may read the SCRAM secret of 'made_pooled'"),
        ({"DATABASE_URL": guarded.url()}, "has no PASSWORD"),
        ({"DATABASE_URL": "postgresql://u:hidden-1@127.0.0.1:1/d?connect_deadline=0.2"}, "does not answer"),
        ({"DATABASE_URL": "postgresql://u:hidden-1@a-pooler.x/d?pooled=true",
          "DATABASE_URL_UNPOOLED": "postgresql://u:hidden-1@a,b/d"}, "names several hosts"),
    ):  # fmt: skip
        done = made.with_environment(**environment).manage("pgbouncerconfig", target)
        assert done.returncode == 1
        assert says in done.stderr
        assert "Traceback" not in done.stderr
        assert "hidden-1" not in done.stderr
        assert not Path(target).exists()
