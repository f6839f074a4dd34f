"""Real clients, each with the strictest settings that it has."""

import asyncio
import json
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import psycopg2
import pytest

from .conftest import DISABLED, ENDPOINT, PASSWORD, PSQL, ROLE, SUFFIX, Proxy, environment, needs_psql, wait_until


def psql(proxy: Proxy, endpoint: str | None = ENDPOINT, **parameters: Any) -> "subprocess.CompletedProcess[str]":
    """Ask who and what for."""
    given = proxy.parameters(endpoint, **parameters)
    conninfo = psycopg.conninfo.make_conninfo(
        "", **{key: value for key, value in given.items() if value is not None}
    )
    assert PSQL is not None
    return subprocess.run(
        [PSQL, "-XAt", "-v", "ON_ERROR_STOP=1", "-c", "select current_user, current_database()", conninfo],
        capture_output=True, text=True, timeout=30, env=environment(), check=False,
    )  # fmt: skip


@needs_psql
def test_psql_with_channel_binding_and_full_verification(proxy: Proxy) -> None:
    run = psql(proxy, sslmode="verify-full", sslrootcert=proxy.certificates.ca_path)

    assert (run.returncode, run.stderr, run.stdout) == (0, "", "owner|neondb\n")


@needs_psql
def test_psql_without_channel_binding(proxy: Proxy) -> None:
    assert psql(proxy, channel_binding="disable").stdout == "owner|neondb\n"


@needs_psql
def test_psql_with_the_endpoint_in_the_options(proxy: Proxy) -> None:
    run = psql(
        proxy, None, options=f"endpoint={ENDPOINT}", sslmode="verify-full", sslrootcert=proxy.certificates.ca_path
    )

    assert (run.stderr, run.stdout) == ("", "owner|neondb\n")


@needs_psql
@pytest.mark.parametrize("separator", [";", "$"])
def test_psql_with_the_endpoint_before_the_password(proxy: Proxy, separator: str) -> None:
    """libpq sends no SNI for an IP address."""
    run = psql(
        proxy, host="127.0.0.1", channel_binding="disable", password=f"endpoint={ENDPOINT}{separator}p",
        user="simple",
    )  # fmt: skip

    assert (run.stderr, run.stdout) == ("", "simple|neondb\n")


@needs_psql
def test_psql_that_insists_on_channel_binding_refuses_the_cleartext_question(proxy: Proxy) -> None:
    run = psql(proxy, host="127.0.0.1", password=f"endpoint={ENDPOINT};{PASSWORD}")

    assert "channel binding required" in run.stderr


@needs_psql
def test_psql_tells_whoever_names_no_endpoint_how_to(proxy: Proxy) -> None:
    run = psql(proxy, host="127.0.0.1", channel_binding="disable")

    assert "Endpoint ID is not specified." in run.stderr


@needs_psql
def test_psql_without_tls_is_told_how(proxy: Proxy) -> None:
    run = psql(proxy, sslmode="disable", channel_binding="prefer")

    assert "connection is insecure (try using `sslmode=require`)" in run.stderr


@needs_psql
def test_psql_that_asks_for_another_endpoint_than_its_host(proxy: Proxy) -> None:
    run = psql(proxy, options="endpoint=ep-x")

    assert f"Inconsistent project name inferred from SNI ('{ENDPOINT}') and project option ('ep-x')." in run.stderr


@needs_psql
def test_psql_does_not_trust_another_authority(proxy: Proxy, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from dormouse.proxy.certificates import prepare_certificates

    other = prepare_certificates(tmp_path / "tls", SUFFIX, now=datetime.now(UTC))

    assert "certificate verify failed" in psql(proxy, sslmode="verify-full", sslrootcert=other.ca_path).stderr


@pytest.mark.parametrize("negotiation", ["postgres", "direct"])
def test_psycopg_with_full_verification(proxy: Proxy, negotiation: str) -> None:
    with proxy.connect(
        sslmode="verify-full", sslrootcert=proxy.certificates.ca_path, sslnegotiation=negotiation
    ) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
        assert connection.pgconn.used_password


def test_psycopg_that_would_speak_a_newer_protocol(proxy: Proxy) -> None:
    if psycopg.pq.version() < 180000:
        pytest.skip("libpq before 18 has no max_protocol_version")
    with proxy.connect(max_protocol_version="3.2") as connection:
        assert connection.execute("select 1").fetchone() == (1,)
        assert connection.pgconn.full_protocol_version == 30002


def test_the_drivers_pid_is_the_servers(proxy: Proxy) -> None:
    with proxy.connect() as connection:
        assert connection.execute("select pg_backend_pid()").fetchone() == (connection.info.backend_pid,)


def test_the_parameters_of_the_server_arrive(proxy: Proxy, postgres: Any) -> None:
    with proxy.connect(application_name="café", options="-c a.note=a\\ b -c geqo=off") as connection:
        with postgres.connect() as direct:
            assert connection.info.server_version == direct.info.server_version
        assert connection.info.parameter_status("client_encoding") == "UTF8"
        shown = connection.execute("select current_setting('a.note'), current_setting('geqo')").fetchone()
        assert shown == ("a b", "off")


def test_psycopg_with_another_encoding(proxy: Proxy) -> None:
    with proxy.connect(client_encoding="latin1") as connection:
        assert connection.info.encoding == "iso8859-1"
        assert connection.execute("select 'é'").fetchone() == ("é",)


async def test_psycopg_async(proxy: Proxy) -> None:
    async with await psycopg.AsyncConnection.connect(**proxy.parameters()) as connection:
        cursor = await connection.execute("select 1")
        assert await cursor.fetchone() == (1,)


def test_psycopg2(proxy: Proxy) -> None:
    connection = psycopg2.connect(
        **proxy.parameters(sslmode="verify-full", sslrootcert=str(proxy.certificates.ca_path))
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute("select current_user")
            assert cursor.fetchone() == (ROLE,)
    finally:
        connection.close()


async def asyncpg_connect(proxy: Proxy, **more: Any) -> Any:
    """asyncpg resolves names itself, so it comes by `localhost`."""
    parameters = {
        "host": "localhost", "port": proxy.port, "user": ROLE, "password": PASSWORD, "database": "neondb",
        "ssl": ssl.create_default_context(cafile=str(proxy.certificates.ca_path)),
        "server_settings": {"options": f"endpoint={ENDPOINT}", "application_name": "asyncpg"},
    }  # fmt: skip
    return await asyncpg.connect(**parameters | more)


@pytest.mark.parametrize("direct_tls", [False, True])
async def test_asyncpg(proxy: Proxy, direct_tls: bool) -> None:
    connection = await asyncpg_connect(proxy, direct_tls=direct_tls)
    try:
        assert await connection.fetchval("select current_setting('application_name')") == "asyncpg"
        assert await connection.fetchval("select $1::int[]", [1, 2]) == [1, 2]
    finally:
        await connection.close()


async def test_asyncpg_cancels_by_time(proxy: Proxy) -> None:
    connection = await asyncpg_connect(proxy)
    try:
        with pytest.raises(asyncio.TimeoutError):
            await connection.execute("select pg_sleep(60)", timeout=0.2)
        assert await connection.fetchval("select 1") == 1
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"password": "wrong"}, asyncpg.InvalidPasswordError),
        ({"user": "nobody_here"}, asyncpg.InvalidPasswordError),
        ({"database": "missing"}, asyncpg.InvalidCatalogNameError),
        ({"server_settings": {"options": "endpoint=ep-unknown"}}, asyncpg.ConnectionRejectionError),
        ({"server_settings": {"options": f"endpoint={DISABLED}"}}, asyncpg.InvalidAuthorizationSpecificationError),
    ],
)
async def test_sqlstates_tell_what_went_wrong(
    proxy: Proxy, change: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await asyncpg_connect(proxy, **change)
    # asyncpg leaves the closing of its transport to the loop.
    await asyncio.to_thread(wait_until, lambda: proxy.listener.connections == 0, "the connection to close")


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with node-postgres."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node, or no npm, on this machine")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"private": true}')
    try:
        install = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--silent", "pg@8"],
            cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not install pg within a minute")
    if install.returncode:
        pytest.skip(f"npm cannot install pg: {install.stderr[-200:]}")
    return folder


NODE_PROGRAM = """
const { Client } = require("pg");
const fs = require("fs");
const given = JSON.parse(process.argv[1]);
const ssl = { ca: fs.readFileSync(given.ca), servername: given.servername };
const client = new Client({ ...given.client, ssl, enableChannelBinding: true });
client.connect()
  .then(() => client.query("select current_user as name, $1::text as said", ["\u2603"]))
  .then(result => { console.log(JSON.stringify(result.rows[0])); return client.end(); })
  .catch(error => { console.log(JSON.stringify({ code: error.code, message: error.message })); process.exit(1); });
"""


def node(folder: Path, proxy: Proxy, **client: Any) -> dict[str, Any]:
    given = {
        "ca": str(proxy.certificates.ca_path),
        "servername": f"{ENDPOINT}.{SUFFIX}",
        "client": {
            "host": "127.0.0.1", "port": proxy.port, "user": ROLE, "password": PASSWORD, "database": "neondb",
        } | client,
    }  # fmt: skip
    run = subprocess.run(
        ["node", "-e", NODE_PROGRAM, json.dumps(given)],
        cwd=folder, capture_output=True, text=True, timeout=30, env=environment(), check=False,
    )  # fmt: skip
    assert run.stderr == ""
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def test_node_postgres(node_modules: Path, proxy: Proxy) -> None:
    assert node(node_modules, proxy) == {"name": ROLE, "said": "\N{SNOWMAN}"}


def test_node_postgres_with_a_wrong_password(node_modules: Path, proxy: Proxy) -> None:
    answer = node(node_modules, proxy, password="wrong")

    assert answer == {"code": "28P01", "message": f"password authentication failed for user '{ROLE}'"}
