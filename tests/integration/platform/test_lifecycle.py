"""A compute from created to asleep to awake, as a client sees it."""

import threading
import time

import psycopg
import pytest
from fix_past import as_admin, awake_data
from fix_platform import Made, Platform, rows, wait_until
from psycopg import conninfo

from dormouse.api.bodies import EndpointUpdate
from dormouse.api.records import Operation
from dormouse.storage.layout import Layout


def test_a_new_project_answers_its_first_query(platform: Platform) -> None:
    made = platform.create()

    assert rows(made.url, "SELECT current_user, current_database(), pg_is_in_recovery()") == [
        ("neondb_owner", "neondb", False)
    ]


def test_the_owner_is_no_superuser_and_owns_schema_public(platform: Platform, project: Made) -> None:
    assert rows(project.url, "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user") == [
        (False, True)
    ]
    rows(project.url, "CREATE TABLE public.owned (i int)")
    assert rows(project.url, "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public'") == [
        ("neondb_owner",)
    ]


def test_a_project_may_name_its_role_and_database(platform: Platform) -> None:
    from dormouse.api.bodies import NewBranch, ProjectCreate

    answer = platform.client.create_project(
        ProjectCreate(branch=NewBranch(name="trunk", role_name="ann o'hara", database_name="my db"))
    )

    url = answer.connection_uris[0].connection_uri
    assert rows(url, "SELECT current_user, current_database()") == [("ann o'hara", "my db")]
    assert rows(url, "SELECT count(*) FROM pg_database WHERE datname = 'neondb'") == [(0,)]


def test_connecting_wakes_a_sleeping_compute_with_its_data(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    platform.put_to_sleep(made)

    assert rows(made.url, "SELECT answer FROM kept") == [(42,)]
    assert platform.state(made, made.primary) == "active"


def test_a_compute_sleeps_although_idle_clients_are_connected(platform: Platform) -> None:
    made = platform.create(suspend_timeout_seconds=1)

    with psycopg.connect(made.url, autocommit=True) as idle:
        idle.execute("SELECT 1")
        wait_until(lambda: platform.state(made, made.primary) == "idle", "the compute sleeps")
        with pytest.raises(psycopg.OperationalError) as cut:
            idle.execute("SELECT 1")

    assert cut.value.sqlstate == "57P01"
    assert rows(made.url) == [(1,)]


def test_an_open_transaction_and_a_running_query_keep_it_awake(platform: Platform) -> None:
    made = platform.create(suspend_timeout_seconds=1)

    with psycopg.connect(made.url) as busy:
        busy.execute("SELECT 1")  # a transaction is open from here on
        time.sleep(2.5)
        assert busy.execute("SELECT 2").fetchone() == (2,)
        assert busy.execute("SELECT 3 FROM pg_sleep(2.5)").fetchone() == (3,)


def test_what_keeps_a_compute_awake_is_asked_of_the_server(platform: Platform) -> None:
    """A walsender that is not a replica's; and a query's end counts, not only its beginning."""
    made = platform.create(suspend_timeout_seconds=2)
    with as_admin(platform, made) as admin:
        admin.execute("ALTER ROLE neondb_owner REPLICATION")
    parameters = conninfo.conninfo_to_dict(made.url, replication="true")
    walsender = psycopg.pq.PGconn.connect(conninfo.make_conninfo("", **parameters).encode())
    try:
        assert walsender.exec_(b"IDENTIFY_SYSTEM").ntuples == 1
        time.sleep(4)
        assert platform.state(made, made.primary) == "active"
    finally:
        walsender.finish()
    with psycopg.connect(made.url, autocommit=True) as client:
        client.execute("SELECT pg_sleep(3.5)")  # longer than the timeout, and asked about amid it
        ended = time.monotonic()
        wait_until(lambda: platform.state(made, made.primary) == "idle", "it sleeps for all that")
        assert time.monotonic() - ended > 1.9


def test_suspend_cuts_clients_with_57p01(platform: Platform) -> None:
    made = platform.create()

    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute("SELECT 1")
        platform.put_to_sleep(made)
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute("SELECT 1")


def test_all_who_connect_to_a_sleeping_compute_cause_one_start(platform: Platform) -> None:
    made = platform.create()
    rows(made.url)
    platform.put_to_sleep(made)
    starts_before = _starts(platform, made)
    answers: list[list[tuple[object, ...]]] = []

    crowd = [threading.Thread(target=lambda: answers.append(rows(made.url))) for _ in range(40)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()

    assert answers == [[(1,)]] * 40
    assert _starts(platform, made) == starts_before + 1


def test_a_compute_that_cannot_start_says_why_and_recovers(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE kept (i int)")
    platform.put_to_sleep(made)
    (data,) = platform.home.glob(f"projects/{made.project}/branches/*/*/data")
    (data / "PG_VERSION").rename(data / "PG_VERSION.away")

    with pytest.raises(psycopg.OperationalError, match="ended at start"):
        rows(made.url)
    (data / "PG_VERSION.away").rename(data / "PG_VERSION")

    assert rows(made.url, "SELECT count(*) FROM kept") == [(0,)]


def test_start_and_suspend_by_api_are_idempotent(platform: Platform) -> None:
    made = platform.create()
    rows(made.url)

    assert platform.client.start_endpoint(made.project, made.primary).operations == ()
    platform.put_to_sleep(made)
    assert platform.client.suspend_endpoint(made.project, made.primary).operations == ()


def test_a_restart_does_not_outlive_its_project(platform: Platform) -> None:
    made = platform.create()
    rows(made.url)
    platform.client.restart_endpoint(made.project, made.primary)

    platform.client.delete_project(made.project)

    wait_until(lambda: f"the project {made.project} was deleted" in platform.log(), "the start is given up")
    assert awake_data(Layout(platform.home).project(made.project)) == set()
    platform.client.recover_project(made.project)
    assert rows(made.url) == [(1,)]


def test_a_restart_leaves_a_compute_asleep_that_was_disabled_meanwhile(platform: Platform) -> None:
    made = platform.create()
    rows(made.url)
    platform.client.restart_endpoint(made.project, made.primary)

    platform.client.update_endpoint(made.project, made.primary, EndpointUpdate(disabled=True))

    def ended() -> list[Operation]:
        found = platform.client.operations(made.project).operations
        return [each for each in found if each.error == "endpoint is disabled"]

    wait_until(ended, "the start is given up")
    assert [each.action for each in ended()] == ["start_compute"]
    assert awake_data(Layout(platform.home).project(made.project)) == set()


def test_operations_end_with_a_status_and_a_duration(platform: Platform) -> None:
    made = platform.create()
    rows(made.url)

    def ended() -> bool:
        operations = platform.client.operations(made.project).operations
        return {(o.action, o.status) for o in operations} == {
            ("create_timeline", "finished"),
            ("start_compute", "finished"),
        }

    wait_until(ended, "both operations are finished")


def test_a_password_changed_by_sql_counts_at_once_awake_and_asleep(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "ALTER ROLE neondb_owner PASSWORD 'changed by hand'")
    changed = psycopg.conninfo.make_conninfo(made.url, password="changed by hand")

    for _ in ("awake", "asleep"):
        assert rows(changed) == [(1,)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            rows(made.url)
        platform.put_to_sleep(made)


def test_a_role_made_by_sql_can_log_in_awake_and_asleep(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE ROLE visitor LOGIN PASSWORD 'visitor secret'")
    visitor = psycopg.conninfo.make_conninfo(made.url, user="visitor", password="visitor secret")

    assert rows(visitor, "SELECT current_user") == [("visitor",)]
    platform.put_to_sleep(made)
    assert rows(visitor, "SELECT current_user") == [("visitor",)]


def _starts(platform: Platform, made: Made) -> int:
    lines = platform.log().splitlines()
    return sum("action=compute_ready" in line and made.primary in line for line in lines)


def test_suspend_waits_for_a_replica_that_is_being_cloned(platform: Platform) -> None:
    made = platform.create()
    rows(made.url)

    platform.add_replica(made)
    suspended = platform.client.suspend_endpoint(made.project, made.primary)

    assert [operation.action for operation in suspended.operations] == ["suspend_compute"]
    wait_until(lambda: platform.state(made, made.primary) == "idle", "the primary sleeps")
    assert rows(made.replica_url, "SELECT pg_is_in_recovery()") == [(True,)]
