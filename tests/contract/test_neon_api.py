"""neon-api 0.3.0 against a real platform. Its records are strict: a field or an enumeration amiss raises."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fix_clients import NeonApi, Refused, asked
from fix_platform import wait_until

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def project(neon_api: NeonApi) -> str:
    """A project that stays for the tests of this module."""
    return str(neon_api.project_create(project={"name": "shop"}).project.id)


@pytest.fixture(scope="module")
def main(neon_api: NeonApi, project: str) -> str:
    """Its default branch."""
    (branch,) = [each for each in neon_api.branches(project).branches if each.primary]
    return str(branch.id)


@pytest.fixture(scope="module")
def primary(neon_api: NeonApi, project: str, main: str) -> str:
    """The compute of its default branch."""
    (endpoint,) = [each for each in neon_api.endpoints(project).endpoints if each.branch_id == main]
    return str(endpoint.id)


def uri_of(neon_api: NeonApi, project: str, role: str = "neondb_owner", database: str = "neondb") -> str:
    return str(neon_api.connection_uri(project, database_name=database, role_name=role).uri)


def test_no_method_is_left_out(neon_api: NeonApi) -> None:
    called = set(re.findall(r"neon_api\.(\w+)\(", Path(__file__).read_text("utf-8")))

    assert set(neon_api.methods) - called == set()


def test_me(neon_api: NeonApi) -> None:
    me = neon_api.me()

    assert me.email == "owner@dormouse.localhost"
    assert me.billing_account.subscription_type == "free_v2"


def test_api_keys(neon_api: NeonApi) -> None:
    made = neon_api.api_key_create(key_name="of a test")

    assert made.key.startswith("napi_")
    (kept,) = [each for each in neon_api.api_keys() if each.id == made.id]
    assert kept.name == "of a test"
    assert kept.created_by.name
    revoked = neon_api.api_key_revoke(made.id)
    assert (revoked.id, revoked.revoked) == (made.id, True)
    assert made.id not in [each.id for each in neon_api.api_keys()]


def test_projects(neon_api: NeonApi, project: str) -> None:
    (listed,) = [each for each in neon_api.projects(limit=400).projects if each.id == project]

    assert listed.name == "shop"
    assert listed.active_time == 0
    assert neon_api.projects(shared=True).projects == []
    assert neon_api.project(project).project.id == project


def test_projects_by_pages(neon_api: NeonApi, project: str) -> None:
    other = neon_api.project_create(project={}).project.id

    first = neon_api.projects(limit=1)
    # Its records leave the pagination out; the cursor is the id of the last project.
    second = neon_api.projects(limit=1, cursor=first.projects[0].id)

    ids = [each.id for each in (*first.projects, *second.projects)]
    assert len(set(ids)) == 2
    neon_api.project_delete(other)


def test_a_project_from_its_beginning_to_its_end(neon_api: NeonApi) -> None:
    settings = {"autoscaling_limit_min_cu": 0.5, "autoscaling_limit_max_cu": 1}
    asked_for = {"name": "brief", "history_retention_seconds": 7200, "default_endpoint_settings": settings}
    made = neon_api.project_create(project=asked_for).project
    assert (made.name, made.history_retention_seconds) == ("brief", 7200)

    changed = neon_api.project_update(made.id, project={"name": "renamed"}).project
    assert changed.name == neon_api.project(made.id).project.name == "renamed"
    assert changed.default_endpoint_settings.autoscaling_limit_max_cu == 1

    assert neon_api.project_delete(made.id).project.id == made.id
    with pytest.raises(Refused, match="project not found"):
        neon_api.project(made.id)


def test_project_permissions(neon_api: NeonApi, project: str) -> None:
    granted = neon_api.project_permissions_grant(project, email="anna@example.com")

    assert granted.granted_to_email == "anna@example.com"
    listed = neon_api.project_permissions(project).project_permissions
    assert [each.id for each in listed] == [granted.id]
    # It names the permission in a body, to a path that the document does not know.
    assert neon_api.project_permissions_revoke(project, id=granted.id).id == granted.id
    assert neon_api.project_permissions(project).project_permissions == []


def test_connection_uri_connects(neon_api: NeonApi, project: str) -> None:
    direct = uri_of(neon_api, project)
    pooled = neon_api.connection_uri(project, database_name="neondb", role_name="neondb_owner", pooled=True).uri

    assert asked(direct, "SELECT current_user") == [("neondb_owner",)]
    assert "-pooler." in pooled
    assert asked(pooled) == [(1,)]


def test_branches(neon_api: NeonApi, project: str, main: str) -> None:
    asked(uri_of(neon_api, project), "CREATE TABLE IF NOT EXISTS orders AS SELECT 1 AS id")
    made = neon_api.branch_create(project, branch={"name": "dev"}, endpoints=[{"type": "read_write"}])
    dev = made.branch
    assert (dev.name, dev.parent_id) == ("dev", main)
    assert {each.action for each in made.operations} >= {"create_branch"}

    assert neon_api.branch(project, dev.id).branch.name == "dev"
    assert {main, dev.id} <= {each.id for each in neon_api.branches(project).branches}
    assert len(neon_api.branches(project, limit=1).branches) == 1
    changed = neon_api.branch_update(project, dev.id, branch={"name": "staging"})
    assert changed.branch.name == "staging"

    assert neon_api.branch_delete(project, dev.id).branch.id == dev.id
    assert dev.id not in [each.id for each in neon_api.branches(project).branches]


def test_a_branch_with_nothing_said(neon_api: NeonApi, project: str, main: str) -> None:
    made = neon_api.branch_create(project).branch

    assert made.name == made.id
    assert made.parent_id == main
    neon_api.branch_delete(project, made.id)


def test_branch_set_as_primary(neon_api: NeonApi, project: str, main: str) -> None:
    other = neon_api.branch_create(project, branch={"name": "heir"}).branch.id
    try:
        assert neon_api.branch_set_as_primary(project, other).branch.primary is True
        assert neon_api.branch(project, main).branch.primary is False
    finally:
        neon_api.branch_set_as_primary(project, main)
    neon_api.branch_delete(project, other)


def test_a_branch_that_is_gone_is_told(neon_api: NeonApi, project: str) -> None:
    gone = neon_api.branch_create(project).branch.id
    neon_api.branch_delete(project, gone)

    # Not 204 with nothing in it, as from Neon: this client cannot read that.
    with pytest.raises(Refused, match="branch not found"):
        neon_api.branch_delete(project, gone)


def test_databases(neon_api: NeonApi, project: str, main: str) -> None:
    body = {"name": "reports", "owner_name": "neondb_owner"}
    made = neon_api.database_create(project, main, database=body).database
    assert (made.name, made.owner_name, made.branch_id) == ("reports", "neondb_owner", main)

    assert {each.name for each in neon_api.databases(project, main).databases} >= {"neondb", "reports"}
    assert neon_api.database(project, main, "reports").database.id == made.id
    assert asked(uri_of(neon_api, project, database="reports")) == [(1,)]
    renamed = neon_api.database_update(project, main, "reports", database={"name": "archive"}).database
    assert (renamed.id, renamed.name) == (made.id, "archive")
    assert asked(uri_of(neon_api, project, database="archive")) == [(1,)]

    assert neon_api.database_delete(project, main, "archive").database.name == "archive"
    with pytest.raises(Refused, match="database not found"):
        neon_api.database(project, main, "archive")


def test_roles(neon_api: NeonApi, project: str, main: str) -> None:
    made = neon_api.role_create(project, main, "clerk").role
    assert made.password.startswith("npg_")
    assert neon_api.role(project, main, "clerk").role.name == "clerk"
    assert {each.name for each in neon_api.roles(project, main).roles} >= {"clerk", "neondb_owner"}
    assert neon_api.role_password_reveal(project, main, "clerk").password == made.password
    assert asked(uri_of(neon_api, project, role="clerk"), "SELECT current_user") == [("clerk",)]

    assert neon_api.role_delete(project, main, "clerk").role.name == "clerk"
    with pytest.raises(Refused, match="role not found"):
        neon_api.role(project, main, "clerk")


def test_a_reset_password_is_the_only_one(neon_api: NeonApi, project: str, main: str) -> None:
    neon_api.role_create(project, main, "keeper")
    before = uri_of(neon_api, project, role="keeper")
    assert asked(before) == [(1,)]

    fresh = neon_api.role_password_reset(project, main, "keeper").role.password

    assert neon_api.role_password_reveal(project, main, "keeper").password == fresh
    assert asked(uri_of(neon_api, project, role="keeper")) == [(1,)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        asked(before)
    neon_api.role_delete(project, main, "keeper")


def test_endpoints(neon_api: NeonApi, project: str, main: str) -> None:
    body = {"branch_id": main, "type": "read_only", "suspend_timeout_seconds": 600}
    replica = neon_api.endpoint_create(project, endpoint=body).endpoint
    assert replica.type == "read_only"
    assert replica.suspend_timeout_seconds == 600

    assert replica.id in [each.id for each in neon_api.endpoints(project).endpoints]
    changed = neon_api.endpoint_update(project, replica.id, endpoint={"suspend_timeout_seconds": 900}).endpoint
    assert changed.suspend_timeout_seconds == 900
    assert neon_api.endpoint_delete(project, replica.id).endpoint.id == replica.id
    with pytest.raises(Refused, match="endpoint not found"):
        neon_api.endpoint(project, replica.id)


def test_an_endpoint_sleeps_and_wakes(neon_api: NeonApi, project: str, primary: str) -> None:
    def state() -> Any:
        return neon_api.endpoint(project, primary).endpoint.current_state

    neon_api.endpoint_start(project, primary)
    wait_until(lambda: state() == "active", "the compute is awake")
    slept = neon_api.endpoint_suspend(project, primary)
    assert [each.action for each in slept.operations] == ["suspend_compute"]
    wait_until(lambda: state() == "idle", "the compute is asleep")
    started = neon_api.endpoint_start(project, primary)
    assert [each.action for each in started.operations] == ["start_compute"]
    wait_until(lambda: state() == "active", "the compute is awake again")


def test_a_disabled_endpoint_refuses(neon_api: NeonApi, project: str, primary: str) -> None:
    uri = uri_of(neon_api, project)
    try:
        assert neon_api.endpoint_update(project, primary, endpoint={"disabled": True}).endpoint.disabled is True
        with pytest.raises(psycopg.OperationalError, match="The endpoint has been disabled"):
            asked(uri)
    finally:
        neon_api.endpoint_update(project, primary, endpoint={"disabled": False})
    assert asked(uri) == [(1,)]


def test_operations(neon_api: NeonApi, project: str) -> None:
    operations = neon_api.operations(project).operations

    assert {"create_timeline", "start_compute"} <= {each.action for each in operations}
    one = neon_api.operation(project, operations[-1].id).operation
    assert (one.id, one.status) == (operations[-1].id, "finished")
    (newest,) = neon_api.operations(project, limit=1, cursor="2100-01-01T00:00:00Z").operations
    assert newest.id == operations[0].id


def test_refusals_carry_the_servers_words(neon_api: NeonApi, project: str, main: str) -> None:
    with pytest.raises(Refused, match="branch not found"):
        neon_api.branch(project, "br-none-such-00000000")
    with pytest.raises(Refused, match="branch already exists"):
        neon_api.branch_create(project, branch={"name": "main"})
    with pytest.raises(Refused, match="role already exists"):
        neon_api.role_create(project, main, "neondb_owner")
    with pytest.raises(Refused, match="read_write endpoint already exists"):
        neon_api.endpoint_create(project, endpoint={"branch_id": main, "type": "read_write"})
