"""The read replica: a standby that is current before it answers."""

import psycopg
import pytest
from fix_platform import Platform, rows, wait_until


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
