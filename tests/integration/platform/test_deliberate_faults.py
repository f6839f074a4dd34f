"""`dormouse fault`: what goes wrong on purpose, as real clients meet it; and what is measured meanwhile."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import psycopg
import pytest
from fix_platform import Made, Platform, rows, wait_until
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def made(platform: Platform) -> Made:
    made = platform.create()
    rows(made.url, "CREATE TABLE t (n int)")
    return made


@pytest.fixture(autouse=True)
def cleared(platform: Platform) -> Iterator[None]:
    yield
    platform.run("fault", "clear")


def metrics(platform: Platform) -> dict[tuple[str, ...], float]:
    request = urllib.request.Request(f"{platform.there['http_url']}/_local/metrics")
    request.add_header("Authorization", f"Bearer {(platform.home / 'api-key').read_text().strip()}")
    with urllib.request.urlopen(request) as response:
        families = text_string_to_metric_families(response.read().decode())
        return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_a_compute_is_put_to_sleep_under_its_clients(platform: Platform, made: Made) -> None:
    with psycopg.connect(made.url, autocommit=True) as client:
        client.execute("SELECT 1")
        platform.run("fault", "suspend", made.primary)
        with pytest.raises(psycopg.OperationalError) as caught:
            client.execute("SELECT 1")

    assert caught.value.sqlstate in ("57P01", None)
    assert platform.state(made, made.primary) == "idle"
    assert rows(made.url) == [(1,)]


def test_a_killed_compute_recovers_what_was_committed(platform: Platform, made: Made) -> None:
    with psycopg.connect(made.url, autocommit=True) as client:
        client.execute("INSERT INTO t VALUES (41)")
        platform.run("fault", "kill", made.primary)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")

    assert rows(made.url, "SELECT n FROM t WHERE n = 41") == [(41,)]


def test_what_sleeps_cannot_be_killed(platform: Platform, made: Made) -> None:
    platform.put_to_sleep(made)

    done = platform.run("fault", "kill", made.primary, check=False)

    assert done.returncode == 1
    assert "is asleep, so that there is nothing to kill" in done.stderr


def test_open_connections_are_cut(platform: Platform, made: Made) -> None:
    clients = [psycopg.connect(made.url, autocommit=True) for _ in range(3)]

    done = platform.run("fault", "drop", made.primary)

    assert f"3 connections to {made.primary} were cut" in done.stdout
    for client in clients:
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert rows(made.url) == [(1,)]


def test_the_next_connections_are_cut_after_some_bytes(platform: Platform, made: Made) -> None:
    platform.run("fault", "drop", made.primary, "--next", "2", "--after-bytes", "50000")

    for _ in range(2):
        with psycopg.connect(made.url, autocommit=True) as client:
            client.execute("SELECT 1")
            with pytest.raises(psycopg.OperationalError):
                client.execute("SELECT repeat('x', 100000)")
    assert rows(made.url, "SELECT length(repeat('x', 100000))") == [(100000,)]


def timed(work: Callable[[], object]) -> float:
    """In seconds."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def test_open_connections_become_slow_and_quick_again(platform: Platform, made: Made) -> None:
    with psycopg.connect(made.url, autocommit=True) as client:
        platform.run("fault", "delay", made.primary, "150")
        slow_s = timed(lambda: client.execute("SELECT 1"))
        assert len(client.execute("SELECT repeat('x', 1000) FROM generate_series(1, 500)").fetchall()) == 500

        shown = platform.run("status").stdout
        assert f"fault at {made.primary}: delayed by 150 ms" in shown

        platform.run("fault", "clear", made.primary)
        quick_s = min(timed(lambda: client.execute("SELECT 1")) for _ in range(5))

    assert slow_s >= 0.3
    assert quick_s < 0.15


def test_new_connections_are_denied_for_a_while(platform: Platform, made: Made) -> None:
    with psycopg.connect(made.url, autocommit=True) as client:
        platform.run("fault", "deny", made.primary, "60")
        with pytest.raises(psycopg.OperationalError, match="Couldn't connect to compute node"):
            rows(made.url)
        client.execute("SELECT 1")
        [shown] = json.loads(platform.run("fault", "list", "--json").stdout)
        assert 50 < shown["denied_for_s"] <= 60

    platform.run("fault", "deny", made.primary, "0.2")
    wait_until(lambda: platform.client.faults() == (), "the time has passed")
    assert rows(made.url) == [(1,)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["kill", "ep-nobody-here-12345678"], "endpoint not found"),
        (["deny", "ep-nobody-here-12345678", "1"], "endpoint not found"),
        (["drop", "ep-nobody-here-12345678", "--after-bytes", "5"], "--next"),
    ],
)
def test_who_asks_wrongly_is_told(platform: Platform, arguments: list[str], told: str) -> None:
    done = platform.run("fault", *arguments, check=False)

    assert done.returncode == 1
    assert told in done.stderr


def test_what_passes_is_measured(platform: Platform) -> None:
    made = platform.create(replica=True)
    wrong = made.url.replace("npg_", "npx_", 1)
    rows(made.replica_url)
    before = metrics(platform)

    with psycopg.connect(made.url, autocommit=True) as client:
        client.execute("SELECT repeat('x', 100000)")
        with pytest.raises(psycopg.OperationalError):
            rows(wrong)
        now = metrics(platform)

    assert now["dormouse_connections", made.primary] == 1
    assert (
        now["dormouse_sessions_total", made.primary]
        == before.get(("dormouse_sessions_total", made.primary), 0) + 1
    )
    assert now["dormouse_client_sent_bytes_total", made.primary] > 100_000
    assert now["dormouse_client_received_bytes_total", made.primary] > 10
    assert now["dormouse_refusals_total", "28P01"] == before.get(("dormouse_refusals_total", "28P01"), 0) + 1
    assert now["dormouse_wake_seconds_count",] >= 2
    assert now["dormouse_computes", "ready"] >= 2
    assert now["dormouse_replica_lag_bytes", made.replica or ""] >= 0
    assert now["dormouse_disk_free_bytes",] > 0
    assert ("dormouse_connections", made.replica) not in now


def test_what_is_measured_needs_a_key(platform: Platform) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{platform.there['http_url']}/_local/metrics")

    with caught.value:
        assert caught.value.code == 401
