"""Branches, roles and databases, as a client of API and Postgres sees them."""

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fix_platform import Made, Platform, new_home, platform_in, rows, wait_until

from dormouse.api.bodies import BranchCreate, BranchUpdate, EndpointUpdate
from dormouse.api.errors import Busy, Exists, Missing, Refused
from dormouse.names import BranchId, EndpointId


def branch_of(platform: Platform, made: Made, name: str, *, parent: BranchId | None = None) -> Made:
    """A branch with a primary, and how to connect to it."""
    answer = platform.client.create_branch(made.project, BranchCreate(name=name, parent_id=parent))
    endpoint = EndpointId(answer.endpoints[0].id)
    url = made.url.replace(made.primary, endpoint)
    return Made(project=made.project, branch=BranchId(answer.branch.id), primary=endpoint, url=url)


@pytest.mark.parametrize("asleep", [False, True], ids=["parent awake", "parent asleep"])
def test_a_branch_has_its_parents_rows_and_passwords_and_goes_its_own_way(
    platform: Platform, asleep: bool
) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    rows(made.url, "CREATE ROLE visitor LOGIN PASSWORD 'of both'")
    if asleep:
        platform.put_to_sleep(made)

    dev = branch_of(platform, made, "dev")
    visitor = psycopg.conninfo.make_conninfo(dev.url, user="visitor", password="of both")
    assert rows(visitor, "SELECT current_user") == [("visitor",)], "before its compute was ever awake"
    rows(dev.url, "INSERT INTO t VALUES (2)")

    assert rows(dev.url, "SELECT count(*) FROM t") == [(2,)]
    assert rows(made.url, "SELECT count(*) FROM t") == [(1,)]


def test_a_branch_of_a_branch_and_what_may_be_deleted(platform: Platform) -> None:
    made = platform.create()
    dev = branch_of(platform, made, "dev")
    rows(dev.url, "CREATE TABLE t AS SELECT 1 AS i")
    leaf = branch_of(platform, made, "leaf", parent=dev.branch)
    assert rows(leaf.url, "SELECT i FROM t") == [(1,)]

    with pytest.raises(Refused, match=f"cannot delete branch that has children: {leaf.branch}"):
        platform.client.delete_branch(made.project, dev.branch)
    with pytest.raises(Refused, match="cannot delete default branch"):
        platform.client.delete_branch(made.project, made.branch)
    with psycopg.connect(leaf.url, autocommit=True) as connection:
        platform.client.delete_branch(made.project, leaf.branch)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    platform.client.delete_branch(made.project, dev.branch)

    assert [branch.name for branch in platform.client.branches(made.project).branches] == ["main"]
    assert {kept.branch_id for kept in platform.client.kept_states(made.project)} == {leaf.branch, dev.branch}
    with pytest.raises(psycopg.OperationalError, match="endpoint could not be found"):
        rows(leaf.url)


def test_a_branch_says_at_once_where_it_begins(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE t (i int)")

    answer = platform.client.create_branch(made.project, BranchCreate(name="dev"))

    assert answer.branch.parent_id == made.branch
    assert re.fullmatch(r"[0-9A-F]+/[0-9A-F]+", answer.branch.parent_lsn or "")


def test_a_name_is_taken_once(platform: Platform) -> None:
    made = platform.create()
    branch_of(platform, made, "dev")

    with pytest.raises(Exists, match="branch already exists"):
        branch_of(platform, made, "dev")


def test_a_child_of_a_protected_branch_has_passwords_of_its_own(platform: Platform) -> None:
    made = platform.create()
    rows(made.url)
    platform.client.update_branch(made.project, made.branch, BranchUpdate(protected=True))

    dev = branch_of(platform, made, "dev")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        rows(dev.url)
    password = platform.client.reveal_password(made.project, dev.branch, "neondb_owner")
    assert rows(psycopg.conninfo.make_conninfo(dev.url, password=password)) == [(1,)]
    assert rows(made.url) == [(1,)]


def test_an_expired_branch_goes_by_itself(platform: Platform) -> None:
    made = platform.create()
    dev = branch_of(platform, made, "dev")
    rows(dev.url)

    soon = datetime.now(UTC) + timedelta(seconds=2)
    platform.client.update_branch(made.project, dev.branch, BranchUpdate(expires_at=soon))

    def is_gone() -> bool:
        try:
            platform.client.branch(made.project, dev.branch)
        except Missing:
            return True
        return False

    wait_until(is_gone, "the branch has expired")
    assert [kept.branch_id for kept in platform.client.kept_states(made.project)] == [dev.branch]


def test_a_branch_that_is_deleted_for_good_leaves_nothing(platform: Platform) -> None:
    made = platform.create()
    dev = branch_of(platform, made, "dev")
    rows(dev.url)

    platform.client.delete_branch(made.project, dev.branch, hard=True)

    assert {path.name for path in platform.home.glob(f"projects/{made.project}/branches/*")} == {made.branch}
    assert platform.client.kept_states(made.project) == ()


def test_roles_and_databases_by_api_are_real_and_those_by_sql_are_seen(platform: Platform) -> None:
    made = platform.create()
    rows(made.url)
    client = platform.client

    role = client.create_role(made.project, made.branch, "ann o'hara").role
    client.create_database(made.project, made.branch, "shop ☃", owner=role.name)
    hers = psycopg.conninfo.make_conninfo(made.url, user=role.name, password=role.password, dbname="shop ☃")
    assert rows(hers, "SELECT pg_has_role(current_user, 'neon_superuser', 'member'), usesuper FROM pg_user "
                      "WHERE usename = current_user") == [(True, False)]  # fmt: skip
    rows(hers, "CREATE TABLE owned (i int)")
    rows(made.url, "CREATE DATABASE by_sql")
    rows(made.url, "CREATE ROLE by_sql LOGIN")

    assert "by_sql" in {database.name for database in client.databases(made.project, made.branch)}
    assert "by_sql" in {found.name for found in client.roles(made.project, made.branch)}
    with pytest.raises(Refused, match="owns databases"):
        client.delete_role(made.project, made.branch, role.name)
    client.delete_database(made.project, made.branch, "shop ☃")
    client.delete_role(made.project, made.branch, role.name)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        rows(psycopg.conninfo.make_conninfo(hers, dbname="neondb"))
    rows(made.url, "DROP DATABASE by_sql")
    platform.put_to_sleep(made)
    assert {database.name for database in client.databases(made.project, made.branch)} == {"neondb"}


def test_a_reset_password_counts_at_once_also_for_a_sleeping_compute(platform: Platform) -> None:
    made = platform.create()
    rows(made.url)
    platform.put_to_sleep(made)

    fresh = platform.client.reset_password(made.project, made.branch, "neondb_owner").role.password

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        rows(made.url)
    assert rows(psycopg.conninfo.make_conninfo(made.url, password=fresh)) == [(1,)]


def test_a_deleted_project_is_out_of_reach_and_comes_back_whole(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE kept AS SELECT 1 AS i")

    platform.client.delete_project(made.project)

    with pytest.raises(psycopg.OperationalError, match="endpoint could not be found"):
        rows(made.url)
    with pytest.raises(Missing):
        platform.client.project(made.project)
    platform.client.recover_project(made.project)
    assert rows(made.url, "SELECT i FROM kept") == [(1,)]


def test_a_disabled_endpoint_refuses_and_a_size_changes_memory_alone(platform: Platform) -> None:
    made = platform.create(replica=True)
    assert rows(made.replica_url, "SELECT 1") == [(1,)]
    fixed = rows(made.url, "SHOW max_connections")

    platform.client.update_endpoint(made.project, made.primary, EndpointUpdate(disabled=True))
    wait_until(lambda: platform.state(made, made.primary) == "idle", "it sleeps")
    with pytest.raises(psycopg.OperationalError, match="disabled"):
        rows(made.url)

    enlarged = EndpointUpdate(disabled=False, autoscaling_limit_max_cu=2)
    platform.client.update_endpoint(made.project, made.primary, enlarged)
    assert rows(made.url, "SHOW shared_buffers") == [("128MB",)]
    assert rows(made.url, "SHOW max_connections") == fixed


def test_timed_operations_meet_neons_asynchronous_ways() -> None:
    with platform_in(new_home(), DORMOUSE_OPERATIONS="timed") as platform:
        made = platform.create()

        with pytest.raises(Busy, match="project already has running conflicting operations"):
            platform.add_replica(made)
        assert rows(made.url) == [(1,)], "the work itself is not delayed"
        running = {operation.status for operation in platform.client.operations(made.project).operations}
        assert "running" in running

        def all_finished() -> bool:
            return {o.status for o in platform.client.operations(made.project).operations} == {"finished"}

        wait_until(all_finished, "the operations have ended")
        platform.add_replica(made)


def test_limits_are_settings_with_neons_codes() -> None:
    with platform_in(new_home(), DORMOUSE_MAX_PROJECTS="1") as platform:
        platform.create()

        with pytest.raises(Refused) as refused:
            platform.create()

        assert (refused.value.status, refused.value.code) == (422, "PROJECTS_LIMIT_EXCEEDED")
