"""`manage.py dbdoctor`: an answer of use for each way in which a connection fails, each made to happen."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import pytest

PASSWORD = "sesame-7531"


def examined(project, url, *more, **extra):
    """The one diagnosis of `url`, and what was printed."""
    done = project.with_environment(DATABASE_URL=url, DATABASE_REPLICA_URL="").manage(
        "dbdoctor", "default", "--json", *more, **extra
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    [found] = json.loads(done.stdout)
    return found, done


@contextlib.contextmanager
def answering(reply: bytes | None) -> Iterator[int]:
    """A port where somebody answers every first message with `reply` and hangs up; with None, never."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    kept.append(client)
                    if reply is not None:
                        client.recv(8192)
                        client.sendall(reply)
                        client.close()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        for client in kept:
            client.close()


def test_a_server_that_answers(project, primary):
    found, done = examined(project, primary.url())

    server = found["server"]
    assert done.returncode == 0
    assert found["driver_version"][0].isdigit()
    assert "superuser" in server["rights"]
    assert 0 < server["reconnect_ms"] < 5000
    assert (server["max_connections"], server["reserved"], server["wanted_connections"]) == (50, 3, 1)
    assert server["missing_extensions"] == []
    assert "superuser" in found["findings"][-1]["text"]
    assert "createdatabase" in found["findings"][-1]["hint"]


def test_it_writes_nothing(project, primary):
    [(before,)] = primary.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")

    examined(project, primary.url())

    assert primary.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text") == [(before,)]


def test_a_replica_that_lags(project, primary, standby):
    standby.execute("SELECT pg_wal_replay_pause()")
    primary.execute("CREATE TABLE lag AS SELECT repeat('x', 100) FROM generate_series(1, 1000)")
    primary.execute("DROP TABLE lag")
    with contextlib.ExitStack() as stack:
        stack.callback(standby.execute, "SELECT pg_wal_replay_resume()")
        for _ in range(50):
            [_, replica] = json.loads(project.manage("dbdoctor", "--json").stdout)
            if replica["server"]["lag_bytes"]:
                break

    assert replica["server"]["in_recovery"] is True
    assert replica["server"]["lag_bytes"] > 0
    assert replica["server"]["lag_s"] > 0
    # Compared with where the primary stands, too, and it is a replica of that one.
    assert replica["server"]["behind_bytes"] >= replica["server"]["lag_bytes"]
    assert replica["server"]["follows_primary"] is True


def test_more_connections_than_there_are(project, primary):
    found, _ = examined(project, primary.url(), WEB_CONCURRENCY="48")

    [finding] = [finding for finding in found["findings"] if finding["id"] == "dormouse.W016"]
    assert "1 instances × 48 workers × 1 connections = 48, and max_connections leaves 47" in finding["text"]


def test_who_verified_what(project, primary, tls):
    loose, _ = examined(project, primary.url("sslmode=require"))
    root = primary.data / "server.crt"
    strict, _ = examined(
        project,
        primary.url(f"sslmode=verify-full&sslrootcert={root}&hostaddr=127.0.0.1").replace(
            "127.0.0.1", "localhost", 1
        ),
    )

    assert (loose["server"]["tls"], loose["verified"]) == (True, "nobody verified the server")
    assert strict["server"]["tls"] is True
    assert strict["verified"] == f"certificate and name, by the authority in {root}"


HERE = "postgresql://{user}:" + PASSWORD + "@127.0.0.1:{port}/{database}?connect_deadline=0.4"


@pytest.mark.parametrize(
    ("user", "database", "query", "says"),
    [
        ("guarded", "app", "", "Role or password is wrong"),
        ("nobody_here", "app", "", "There is no such role"),
        ("owner", "nothing_here", "", "There is no such database"),
        ("sleeper", "app", "", "The role may not log in"),
        ("counted", "app", "", "All connections are taken"),
        ("owner", "closed_one", "", "ALLOW_CONNECTIONS"),
        ("refused", "app", "", "pg_hba.conf"),
        ("owner", "app", "&channel_binding=require", "channel_binding=require needs TLS"),
        (
            "owner",
            "app",
            "&sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
            "The file of sslrootcert",
        ),
        ("owner", "app", "&target_session_attrs=standby", "No host of the list is what target_session_attrs"),
    ],
)
def test_what_the_server_refuses(project, primary, user, database, query, says, tls):
    file = primary.data / "pg_hba.conf"
    before = file.read_text()
    file.write_text("host all refused 127.0.0.1/32 reject\n" + before)
    with contextlib.ExitStack() as stack:
        stack.callback(primary.execute, "SELECT pg_reload_conf()")
        stack.callback(file.write_text, before)
        primary.execute("SELECT pg_reload_conf()")
        for name, words in (("sleeper", "NOLOGIN"), ("counted", "LOGIN CONNECTION LIMIT 0"), ("refused", "LOGIN")):
            primary.execute(f"CREATE ROLE {name} {words}")
            stack.callback(primary.execute, f"DROP ROLE {name}")
        primary.execute("CREATE DATABASE closed_one ALLOW_CONNECTIONS false")
        stack.callback(primary.execute, "DROP DATABASE closed_one")

        found, done = examined(project, HERE.format(user=user, port=primary.port, database=database) + query)

    assert done.returncode == 1
    assert found["server"] is None
    assert says in found["findings"][-1]["hint"], found["error"]


def test_a_certificate_that_nobody_signed_and_one_for_another_name(project, primary, tls):
    there = HERE.format(user="owner", port=primary.port, database="app")
    unknown, _ = examined(project, f"{there}&sslmode=verify-full&sslrootcert=system")
    root = primary.data / "server.crt"
    other, _ = examined(
        project,
        f"{there}&sslmode=verify-full&sslrootcert={root}&hostaddr=127.0.0.1".replace("@127.0.0.1", "@db.example"),
    )

    assert "signed by nobody that sslrootcert knows" in unknown["findings"][-1]["hint"], unknown["error"]
    assert "The certificate is for another name" in other["findings"][-1]["hint"], other["error"]


@pytest.mark.parametrize(
    ("reply", "query", "says"),
    [
        (None, "&connect_timeout=2", "Nothing came back"),
        (b"", "", "The other side ended the connection"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "", "is it Postgres at this port?"),
        (b"N", "&sslmode=require", "One side has no TLS"),
    ],
)
def test_what_is_no_server(project, reply, query, says):
    with answering(reply) as port:
        found, _ = examined(project, HERE.format(user="u", port=port, database="d") + query)

    assert says in found["findings"][-1]["hint"], found["error"]


def test_nobody_and_nowhere(project):
    refused, _ = examined(project, HERE.format(user="u", port=1, database="d"))
    nowhere, _ = examined(project, HERE.format(user="u", port=1, database="d").replace("127.0.0.1", "no.invalid"))

    assert "Nobody listens there" in refused["findings"][-1]["hint"]
    assert "does not resolve" in nowhere["findings"][-1]["hint"]
    assert "dormouse.W015" in [finding["id"] for finding in nowhere["findings"]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            "Endpoint ID is not specified. Either please upgrade",
            "libpq sends no server",
        ),
        ("Inconsistent project name inferred from SNI", "leave one out"),
        ("The requested endpoint could not be found, or you don't have access to it.", "no endpoint of that name"),
        ("The endpoint has been disabled. Enable it using Neon API and retry.", "enable it in the console"),
        ("Your account or project has exceeded the compute time quota.", "quota is used up"),
        ("This IP address 203.0.113.7 is not allowed to connect to this endpoint.", "IP allow list"),
        ("unsupported startup parameter: options", "set them on the role"),
        ("Couldn't connect to compute node", "the compute behind it does not"),
        ("Control plane request failed", "the compute behind it does not"),
        ("Too many database connection attempts are currently ongoing", "the compute behind it does not"),
        ("the database system is starting up", "starts or stops"),
        ("the database system is shutting down", "starts or stops"),
        ("the database system is not yet accepting connections", "starts or stops"),
        ("the database system is in recovery mode", "starts or stops"),
        ("sorry, too many clients already", "All connections are taken"),
        (
            "remaining connection slots are reserved for superusers",
            "connections are taken",
        ),
        ("query_wait_timeout", "The pooler got no connection"),
        ("terminating connection due to administrator command", "The other side ended"),
        ('permission denied for database "app"', "GRANT CONNECT"),
        ('no pg_hba.conf entry for host "203.0.113.7", user "u", database "d", no encryption', "sslmode=require"),
    ],
)
def test_the_words_of_proxies_and_of_servers_in_between(project, relay, words, says):
    relay.refusals += [words.encode()] * 50

    found, done = examined(project, relay.url("connect_deadline=0.4"))

    assert done.returncode == 1
    assert says in found["findings"][-1]["hint"], found["error"]


def test_people_read_what_to_do(project):
    done = project.with_environment(
        DATABASE_URL="postgresql://u@127.0.0.1:1/d?connect_deadline=0.2", DATABASE_REPLICA_URL=""
    ).manage("dbdoctor")

    assert "findings" in done.stdout
    assert "Nobody listens there" in done.stdout
