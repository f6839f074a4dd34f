"""The read replica: a standby that is current before it answers."""

import psycopg
import pytest
from fix_past import as_admin_of_replica
from fix_platform import Platform, processes_of, rows, wait_until

from dormouse.api.bodies import BranchCreate, EndpointCreate
from dormouse.api.errors import Refused
from dormouse.names import BranchId


def test_refuses_writes_with_postgress_own_error(platform: Platform) -> None:
    made = platform.create(replica=True)

    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        rows(made.replica_url, "CREATE TABLE refused (i int)")


def test_connecting_while_it_is_being_made_waits_for_it(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE seen AS SELECT 7 AS i")

    platform.add_replica(made)

    assert rows(made.replica_url, "SELECT i, pg_is_in_recovery() FROM seen") == [(7, True)]


def test_serves_the_last_commit_after_its_primary_fell_asleep(platform: Platform) -> None:
    made = platform.create(replica=True)
    rows(made.replica_url)
    rows(made.url, "CREATE TABLE last_words AS SELECT 'good night' AS text")

    platform.put_to_sleep(made, made.primary)

    assert rows(made.replica_url, "SELECT text FROM last_words") == [("good night",)]
    assert platform.state(made, made.primary) == "idle"


def test_wakes_by_itself_and_current_while_its_primary_sleeps(platform: Platform) -> None:
    made = platform.create(replica=True)
    rows(made.replica_url)
    platform.put_to_sleep(made, made.replica)
    rows(made.url, "CREATE TABLE later AS SELECT 1 AS i")
    platform.put_to_sleep(made, made.primary)

    assert rows(made.replica_url, "SELECT i FROM later") == [(1,)]
    assert platform.state(made, made.primary) == "idle"


def test_sees_new_commits_soon_after_its_primary_woke(platform: Platform) -> None:
    made = platform.create(replica=True)
    rows(made.url, "CREATE TABLE counted (i int)")
    rows(made.replica_url)
    platform.put_to_sleep(made, made.primary)

    rows(made.url, "INSERT INTO counted VALUES (1)")

    # Left alone, a standby looks for its primary again only after five seconds.
    wait_until(lambda: rows(made.replica_url, "SELECT i FROM counted") == [(1,)], "the row is there", timeout_s=3)


@pytest.mark.faults
@pytest.mark.parametrize("primary_sleeps", [False, True], ids=["primary awake", "primary asleep"])
def test_is_current_before_it_answers_with_300_mb_to_replay(platform: Platform, primary_sleeps: bool) -> None:
    made = platform.create(replica=True)
    rows(made.replica_url)
    platform.put_to_sleep(made, made.replica)
    rows(
        made.url, "CREATE TABLE bulk AS SELECT i, repeat('x', 100) AS filler FROM generate_series(1, 1900000) AS i"
    )
    rows(made.url, "CREATE TABLE newest AS SELECT 1 AS i")
    if primary_sleeps:
        platform.put_to_sleep(made, made.primary)

    assert rows(made.replica_url, "SELECT count(*), (SELECT i FROM newest) FROM bulk") == [(1900000, 1)]


@pytest.mark.faults
def test_a_replica_of_a_crashed_primary_serves_what_was_acknowledged(own_platform: Platform) -> None:
    made = own_platform.create(replica=True)
    rows(made.replica_url)
    own_platform.put_to_sleep(made, made.replica)
    rows(made.url, "CREATE TABLE acknowledged AS SELECT 5 AS i")

    own_platform.kill()
    own_platform.up()
    url = own_platform.client.connection_uri(
        made.project, database="neondb", role="neondb_owner", endpoint=made.replica
    )

    assert rows(url, "SELECT i FROM acknowledged") == [(5,)]


def test_several_follow_one_primary(platform: Platform) -> None:
    """Each with a lag of its own; one that is removed takes nothing from the others."""
    made = platform.create(replica=True)
    first = (made.replica, made.replica_url)
    platform.add_replica(made)
    second = (made.replica, made.replica_url)
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    for _, url in (first, second):
        wait_until(lambda u=url: has(u, "t"), "the replica has the table")
    lags = {each.id: each.dormouse for each in platform.client.endpoints(made.project)}
    assert lags[first[0]] is not None
    assert lags[second[0]] is not None

    assert first[0] is not None
    platform.client.delete_endpoint(made.project, first[0])

    with pytest.raises(psycopg.OperationalError, match="endpoint could not be found"):
        rows(first[1])
    rows(made.url, "INSERT INTO t VALUES (2)")
    wait_until(lambda: rows(second[1], "SELECT i FROM t ORDER BY i") == [(1,), (2,)], "the other follows on")


def has(url: str, table: str) -> bool:
    return rows(url, f"SELECT to_regclass('{table}') IS NOT NULL") == [(True,)]


def test_a_primary_stays_as_long_as_replicas_follow_it(platform: Platform) -> None:
    made = platform.create(replica=True)
    rows(made.replica_url)

    with pytest.raises(Refused, match="while read_only endpoints follow it"):
        platform.client.delete_endpoint(made.project, made.primary)

    rows(made.url, "CREATE TABLE still AS SELECT 1 AS i")
    wait_until(lambda: has(made.replica_url, "still"), "it follows")


def test_it_goes_with_its_branch(platform: Platform) -> None:
    parent = platform.create()
    changed = platform.client.create_branch(parent.project, BranchCreate(name="dev"))
    branch = BranchId(changed.branch.id)
    made = platform.client.create_endpoint(parent.project, EndpointCreate(branch_id=branch, type="read_only"))
    url = parent.url.replace(parent.primary, made.endpoint.id)
    with psycopg.connect(url, autocommit=True) as client:
        client.execute("SELECT 1")

        platform.client.delete_branch(parent.project, branch)

        wait_until(lambda: not processes_of(branch, named="postgres"), "its servers are gone", 60)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="endpoint could not be found"):
        rows(url)


def test_a_query_in_the_way_of_the_replay_is_cancelled(platform: Platform) -> None:
    """As at Neon: feedback keeps rows that a replica's queries see; a lock is waited for, and then taken."""
    made = platform.create(replica=True)
    rows(made.url, "CREATE TABLE dropped AS SELECT 1 AS i")
    assert rows(made.replica_url, "SHOW hot_standby_feedback") == [("on",)]
    assert rows(made.replica_url, "SHOW max_standby_streaming_delay") == [("30s",)]
    wait_until(lambda: has(made.replica_url, "dropped"), "it has it")
    with as_admin_of_replica(platform, made) as admin:
        for source in ("streaming", "archive"):
            admin.execute(f"ALTER SYSTEM SET max_standby_{source}_delay = 0")
        admin.execute("SELECT pg_reload_conf()")
    wait_until(lambda: rows(made.replica_url, "SHOW max_standby_archive_delay") == [("0",)], "it waits no more")
    with psycopg.connect(made.replica_url) as reader:
        reader.execute("SELECT i FROM dropped")

        rows(made.url, "DROP TABLE dropped")

        # In a transaction that is idle it ends the session, in a query only that (manual, 26.4.2).
        with pytest.raises(psycopg.OperationalError, match="conflict with recovery"):
            for _ in range(1000):
                reader.execute("SELECT pg_sleep(0.01)")
    assert not has(made.replica_url, "dropped")
