"""`-pooler` hosts: a real PgBouncer, made by the first who asks, gone with its compute."""

import os
import signal
import subprocess
import urllib.request

import psutil
import psycopg
import pytest
from fix_platform import Made, Platform, new_home, platform_in, processes_of, rows, wait_until

from dormouse.compute.pooler import find_pgbouncer

needs_pgbouncer = pytest.mark.skipif(
    find_pgbouncer(os.environ) is None, reason="this machine has no PgBouncer 1.18 or newer"
)


def pooled(made: Made) -> str:
    return made.url.replace(made.primary, f"{made.primary}-pooler")


def poolers(platform: Platform) -> list[psutil.Process]:
    return processes_of(platform.home, named="pgbouncer")


@pytest.fixture(scope="module")
def made(platform: Platform) -> Made:
    made = platform.create()
    rows(made.url, "CREATE TABLE t (n int)")
    return made


@needs_pgbouncer
def test_many_clients_share_few_servers(made: Made) -> None:
    backends = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user"
    clients = [psycopg.connect(pooled(made), autocommit=True) for _ in range(30)]
    try:
        for client in clients:
            client.execute("SELECT 1")
        [(count,)] = clients[0].execute(backends).fetchall()
    finally:
        for client in clients:
            client.close()

    assert count < 5


@needs_pgbouncer
def test_a_transaction_is_kept_together_and_a_session_is_not(made: Made) -> None:
    with psycopg.connect(pooled(made)) as client:
        client.execute("INSERT INTO t VALUES (1)")
        client.execute("SAVEPOINT s")
        client.execute("INSERT INTO t VALUES (2)")
        client.execute("ROLLBACK TO s")
    assert rows(made.url, "SELECT n FROM t") == [(1,)]


@needs_pgbouncer
def test_it_is_one_for_each_compute_and_gone_when_that_sleeps(platform: Platform) -> None:
    made = platform.create()
    rows(pooled(made))
    rows(pooled(made))
    [mine] = processes_of(made.branch, named="pgbouncer")

    with psycopg.connect(pooled(made), autocommit=True) as client:
        platform.put_to_sleep(made)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")

    wait_until(lambda: not mine.is_running(), "the pooler is gone")
    # And the next one wakes both.
    assert rows(pooled(made)) == [(1,)]


@needs_pgbouncer
def test_a_pooler_that_was_killed_is_made_anew(platform: Platform, made: Made) -> None:
    """Its clients end without a word; whoever comes at that very moment gets the next one."""
    with psycopg.connect(pooled(made), autocommit=True) as client:
        client.execute("SELECT 1")
        for process in poolers(platform):
            process.kill()

        assert rows(pooled(made)) == [(1,)]
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")


@needs_pgbouncer
def test_idle_clients_of_a_pooler_do_not_keep_a_compute_awake(platform: Platform) -> None:
    made = platform.create(suspend_timeout_seconds=60)
    with psycopg.connect(pooled(made), autocommit=True) as client:
        client.execute("SELECT 1")
        [(active,)] = rows(
            made.url,
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
            "AND state <> 'idle' AND pid <> pg_backend_pid()",
        )
    assert active == 0


@needs_pgbouncer
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("/neondb?", "/nothing?"), 'database "nothing" does not exist'),
        (("sslmode=require", "sslmode=require&options=-c%20jit%3Doff"), "unsupported startup parameter: options"),
        ((":npg_", ":npg_wrong"), "password authentication failed"),
    ],
)
def test_a_refusal_is_quick_and_in_words(made: Made, change: tuple[str, str], said: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=said):
        rows(pooled(made).replace(*change))


@needs_pgbouncer
@pytest.mark.faults
def test_a_platform_that_is_killed_leaves_no_pooler() -> None:
    with platform_in(new_home()) as platform:
        made = platform.create()
        rows(pooled(made))
        [left] = poolers(platform)
        port = platform.there["pg_port"]

        platform.kill()
        platform.up()

        wait_until(lambda: not left.is_running(), "the pooler of the last run is gone")
        assert rows(pooled(made).replace(str(port), str(platform.there["pg_port"]))) == [(1,)]


@needs_pgbouncer
@pytest.mark.faults
def test_a_pooler_that_outlived_its_server_is_gone_too() -> None:
    """The server ended in order while there was no platform, and took the file with its pid along."""
    with platform_in(new_home()) as platform:
        made = platform.create()
        rows(pooled(made))
        [left] = poolers(platform)
        [pid_file] = platform.home.glob("projects/*/branches/*/*/data/postmaster.pid")
        platform.kill()
        psutil.Process(int(pid_file.read_text().split()[0])).send_signal(signal.SIGINT)
        wait_until(lambda: not pid_file.exists(), "the server has stopped")
        assert left.is_running()

        platform.up()

        assert not left.is_running()


def test_without_a_pooler_it_is_direct_and_says_so() -> None:
    with platform_in(new_home(), DORMOUSE_PGBOUNCER="/nowhere/pgbouncer") as platform:
        made = platform.create()
        done = subprocess.run(
            ["psql", pooled(made), "-XAtc", "SELECT 1"], capture_output=True, text=True, check=False, timeout=60
        )

    assert done.stdout.strip() == "1"
    assert (
        "NOTICE:  this machine has no pooler, so that the connection is direct: install PgBouncer" in done.stderr
    )


def test_without_a_pooler_it_is_refused_where_one_is_required() -> None:
    settings = {"DORMOUSE_PGBOUNCER": "/nowhere/pgbouncer", "DORMOUSE_POOLER": "required"}
    with platform_in(new_home(), **settings) as platform:
        made = platform.create()
        with pytest.raises(psycopg.OperationalError, match="pooled hosts are not served"):
            rows(pooled(made))
        assert rows(made.url) == [(1,)]


@needs_pgbouncer
def test_who_waits_in_a_pooler_is_measured(platform: Platform, made: Made) -> None:
    rows(pooled(made))
    request = urllib.request.Request(f"{platform.there['http_url']}/_local/metrics")
    request.add_header("Authorization", f"Bearer {(platform.home / 'api-key').read_text().strip()}")

    with urllib.request.urlopen(request) as response:
        told = response.read().decode()

    assert f'dormouse_pool_waiting{{endpoint="{made.primary}"}} 0.0' in told
    assert f'dormouse_pool_wait_seconds{{endpoint="{made.primary}"}} 0.0' in told
