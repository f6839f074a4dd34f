"""What no log may hold, after a session in which everything was done, and everything was done wrongly."""

import contextlib
import http.client
import json
import sqlite3
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_platform import Platform, rows, wait_until
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dormouse.api.bodies import BranchCreate, EndpointUpdate
from dormouse.api.client import Client
from dormouse.api.errors import ApiError

# Given where they should not be; a log that repeats what it was given would hold one of them.
WRONG = "wrongSecretOf"


@pytest.mark.timeout(180)
def test_no_log_holds_a_password_or_a_key(own_platform: Platform) -> None:
    secrets = {"a wrong one": WRONG}
    for step in (keys, roles, proxy, failures, wrong_requests):
        secrets |= dict(step(own_platform))
    secrets |= {f"a verifier of {role}": verifier for role, verifier in verifiers(own_platform)}
    before = leaks(own_platform, secrets)

    own_platform.kill()
    own_platform.up()
    own_platform.down()

    assert before | leaks(own_platform, secrets) == set()


def leaks(platform: Platform, secrets: dict[str, str]) -> set[str]:
    """Which secret stands in which file that people are shown, or send to others."""
    logs = [*platform.home.rglob("*.log"), *(platform.home / "run").glob("*.json")]
    assert {"dormouse.log", "postgres.log"} <= {path.name for path in logs}
    return {
        f"{name} in {path.relative_to(platform.home)}"
        for path in logs
        for name, secret in secrets.items()
        if secret.encode() in path.read_bytes()
    }


def keys(platform: Platform) -> Iterator[tuple[str, str]]:
    """Keys, made, used, revoked, and wrong."""
    yield "the home's key", (platform.home / "api-key").read_text("ascii").strip()
    made = platform.client.create_api_key("of a test")
    yield "a made key", made.key
    base = platform.client.base_url
    Client(base, made.key).projects()
    platform.client.revoke_api_key(made.id)
    for wrong in (made.key, f"napi_{WRONG}Key"):
        with pytest.raises(ApiError):
            Client(base, wrong).projects()


def roles(platform: Platform) -> Iterator[tuple[str, str]]:
    """Passwords that the API makes, resets, reveals and hands to a branch."""
    client = platform.client
    made = platform.create(replica=True)
    yield "the first password", password_of(made.url)
    clerk = client.create_role(made.project, made.branch, "clerk")
    yield "a role's password", str(clerk.role.password)
    again = client.reset_password(made.project, made.branch, "clerk")
    yield "a reset password", str(again.role.password)
    assert client.reveal_password(made.project, made.branch, "clerk") == again.role.password
    child = client.create_branch(made.project, BranchCreate(name="child"))
    assert child.connection_uris is None
    client.create_database(made.project, made.branch, "ledger", owner="clerk")
    for refused in (
        lambda: client.create_role(made.project, made.branch, "clerk"),
        lambda: client.delete_role(made.project, made.branch, "clerk"),
        lambda: client.create_role(made.project, made.branch, "pg_read_all_data"),
        lambda: client.connection_uri(made.project, database="ledger", role="nobody"),
    ):
        with pytest.raises(ApiError):
            refused()
    client.delete_project(made.project)


def proxy(platform: Platform) -> Iterator[tuple[str, str]]:
    """Passwords on the way to a compute: right, wrong, and changed by SQL."""
    made = platform.create(replica=True)
    yield "a password that was used", password_of(made.url)
    rows(made.url)
    rows(made.replica_url)
    yield "a password set by SQL", "setBySqlAsPlainText"
    rows(made.url, "CREATE ROLE visitor LOGIN PASSWORD 'setBySqlAsPlainText'")
    visitor = make_conninfo(made.url, user="visitor", password="setBySqlAsPlainText")
    assert rows(visitor, "SELECT current_user") == [("visitor",)]
    platform.put_to_sleep(made)
    assert rows(visitor, "SELECT current_user") == [("visitor",)]
    for wrong in (
        make_conninfo(made.url, password=f"{WRONG}Role"),
        make_conninfo(made.url, user="nobody", password=f"{WRONG}Nobody"),
        make_conninfo(made.url, dbname="none", password=f"{WRONG}Database"),
        make_conninfo(made.url, host="ep-no-body-00000000.dormouse.localhost", password=f"{WRONG}Host"),
        make_conninfo(made.url, options=f"-c no_such={WRONG}Option"),
    ):
        with pytest.raises(psycopg.OperationalError):
            rows(wrong)
    platform.client.update_endpoint(made.project, made.primary, EndpointUpdate(disabled=True))
    with pytest.raises(psycopg.OperationalError):
        rows(made.url)


def failures(platform: Platform) -> Iterator[tuple[str, str]]:
    """A compute that cannot start, asked for by the API and by a client."""
    made = platform.create()
    yield "the password of a broken one", password_of(made.url)
    rows(made.url)
    platform.put_to_sleep(made)
    (control,) = platform.home.glob(f"projects/{made.project}/branches/{made.branch}/*/data/global/pg_control")
    control.write_bytes(b"broken")
    with pytest.raises(psycopg.OperationalError):
        rows(made.url)
    with contextlib.suppress(ApiError):
        platform.client.start_endpoint(made.project, made.primary)
        platform.client.create_role(made.project, made.branch, "late")
    wait_until(lambda: made.primary in platform.log(), "the failure is in the log")


def wrong_requests(platform: Platform) -> Iterator[tuple[str, str]]:
    """Secrets in every part of a request where none belongs."""
    made = platform.create()
    password, key = password_of(made.url), (platform.home / "api-key").read_text("ascii").strip()
    yield "a password in a body", password
    authorized = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    roles = f"/projects/{made.project}/branches/{made.branch}/roles"
    bodies = (
        json.dumps({"role": {"name": {"password": password}}}),
        json.dumps({"role": {"name": "x", "password": password, "no_login": password}}),
        json.dumps({"role": {"name": made.url}}),
        '{"role": {"password": "' + password,
        f"\udcff{password}".encode("utf-8", "surrogateescape"),
        "[" * 5000 + password,
        f"{password} " * 100_000,
    )
    for body in bodies:
        assert 400 <= status_of(platform, "POST", roles, body, authorized) < 500
    assert 400 <= status_of(platform, "PATCH", f"/projects/{made.project}", bodies[0], authorized) < 500
    for path in (f"/{password}", f"{roles}/{password}", f"/projects?cursor={password}&limit={password}"):
        assert 400 <= status_of(platform, "GET", path, None, authorized) < 500
    for headers in (
        {"Authorization": f"Basic {key}"},
        {"X-Api-Key": key},
        {"Cookie": f"zenith={key}x; keycloak_token={key}"},
        {"Authorization": f"Bearer {key}", "Host": f"{password}.example.com"},
        {"Authorization": f"Bearer {key}", "Origin": f"http://{password}.example.com"},
        {"Authorization": f"Bearer {key}", "User-Agent": password, "X-Request-ID": password},
    ):
        status_of(platform, "GET", "/projects", None, headers)


def status_of(
    platform: Platform, method: str, path: str, body: str | bytes | None, headers: dict[str, str]
) -> int:
    connection = http.client.HTTPConnection(str(urlsplit(str(platform.there["http_url"])).netloc), timeout=30)
    try:
        content = body.encode() if isinstance(body, str) else body
        connection.request(method, f"/api/v2{path}", content, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def password_of(url: str) -> str:
    return str(conninfo_to_dict(url)["password"])


def verifiers(platform: Platform) -> list[tuple[str, str]]:
    """What passwords are checked with; as good as one, to who can wait."""
    with contextlib.closing(sqlite3.connect(platform.home / "catalog.sqlite")) as catalog:
        found: list[tuple[str, str]] = catalog.execute("SELECT role, verifier FROM verifiers").fetchall()
    assert found
    return found
