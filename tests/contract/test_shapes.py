"""Every route that is served, asked well and asked badly of a real platform: each answer is one that Neon allows.

`judged` checks the shape of every answer by itself; what is asserted here is what a shape cannot say.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from dormouse.api import bodies, records


@pytest.fixture(scope="module")
def judged(platform_wire: Any) -> Any:
    return platform_wire


@pytest.fixture(scope="module")
def made(judged: Any) -> dict[str, Any]:
    answer = judged.post("/projects", {"project": {"name": "demo", "branch": {}}})
    assert answer.status == 201
    return answer.json


@pytest.fixture(scope="module")
def project(made: dict[str, Any]) -> str:
    return f"/projects/{made['project']['id']}"


@pytest.fixture(scope="module")
def branch(made: dict[str, Any], project: str) -> str:
    return f"{project}/branches/{made['branch']['id']}"


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain: {what}"
        time.sleep(0.02)


@pytest.mark.parametrize("path", ["/users/me", "/users/me/organizations", "/auth", "/regions", "/projects/shared"])
def test_account_routes(judged: Any, path: str) -> None:
    assert judged.get(path).status == 200


def test_project_creation_shows_all_that_came_into_being(made: dict[str, Any]) -> None:
    details = made["connection_uris"][0]
    parameters = details["connection_parameters"]
    endpoint = made["endpoints"][0]

    assert made["project"]["name"] == "demo"
    assert made["branch"]["name"] == "main" and made["branch"]["default"] is True
    assert made["databases"][0]["name"] == "neondb"
    assert made["roles"][0]["name"] == made["databases"][0]["owner_name"] == "neondb_owner"
    assert made["roles"][0]["password"] == parameters["password"]
    assert endpoint["type"] == "read_write"
    assert parameters["host"] == endpoint["host"]
    assert endpoint["id"] + "-pooler" in parameters["pooler_host"]
    assert [each["action"] for each in made["operations"]] == ["create_timeline", "start_compute"]


@pytest.mark.parametrize(
    "tail",
    [
        "",
        "/operations",
        "/operations?limit=1",
        "/branches",
        "/branches?limit=1&sort_by=name&sort_order=asc",
        "/branches/count",
        "/endpoints",
        "/connection_uri?database_name=neondb&role_name=neondb_owner",
        "/connection_uri?database_name=neondb&role_name=neondb_owner&pooled=False",
    ],
)
def test_routes_of_a_project(judged: Any, project: str, tail: str) -> None:
    assert judged.get(project + tail).status == 200


@pytest.mark.parametrize(
    "tail",
    ["", "/endpoints", "/roles", "/roles/neondb_owner", "/roles/neondb_owner/reveal_password", "/databases",
     "/databases/neondb"],
)  # fmt: skip
def test_routes_of_a_branch(judged: Any, branch: str, tail: str) -> None:
    assert judged.get(branch + tail).status == 200


def test_connection_strings_connect(judged: Any, made: dict[str, Any], project: str) -> None:
    later = judged.get(f"{project}/connection_uri?database_name=neondb&role_name=neondb_owner").json["uri"]

    for uri in (made["connection_uris"][0]["connection_uri"], later):
        with psycopg.connect(uri) as connection:
            found = connection.execute("SELECT current_database(), current_user").fetchone()
        assert found == ("neondb", "neondb_owner")


def test_operations_one_by_one(judged: Any, made: dict[str, Any], project: str) -> None:
    for operation in made["operations"]:
        assert judged.get(f"{project}/operations/{operation['id']}").json["operation"]["id"] == operation["id"]


def test_list_of_projects_is_as_clients_need_it(judged: Any, made: dict[str, Any]) -> None:
    page = judged.get("/projects?limit=400").json

    ids = [each["id"] for each in page["projects"]]
    assert made["project"]["id"] in ids
    # neon-api cannot read a list without it, though it is absent from the project itself.
    assert {each["active_time"] for each in page["projects"]} == {0}
    assert page["pagination"] == {"cursor": ids[-1]}
    assert page["applications"] == page["integrations"] == {}


def test_empty_list_of_projects_has_no_cursor(judged: Any) -> None:
    assert "pagination" not in judged.get("/projects?search=no-such-one").json


def test_list_of_branches_is_as_clients_need_it(judged: Any, project: str) -> None:
    page = judged.get(f"{project}/branches").json

    assert page["annotations"] == {}
    assert [each["default"] for each in page["branches"]] == [True]
    assert page["pagination"] == {"sort_by": "updated_at", "sort_order": "DESC"}


def test_passwords_are_shown_only_where_they_were_asked_for(
    judged: Any, made: dict[str, Any], branch: str
) -> None:
    password = made["roles"][0]["password"]

    assert password.encode() not in judged.get(f"{branch}/roles").content
    assert password.encode() not in judged.get(f"{branch}/roles/neondb_owner").content
    assert judged.get(f"{branch}/roles/neondb_owner/reveal_password").json == {"password": password}
    # neon-api asks by POST.
    assert judged.post(f"{branch}/roles/neondb_owner/reveal_password").json == {"password": password}


def test_password_that_is_not_stored_cannot_be_revealed(judged: Any) -> None:
    made = judged.post("/projects", {"project": {"store_passwords": False}}).json
    branch = f"/projects/{made['project']['id']}/branches/{made['branch']['id']}"

    assert judged.get(f"{branch}/roles/neondb_owner/reveal_password").status == 412


def test_life_of_a_replica(judged: Any, made: dict[str, Any], project: str) -> None:
    asked = {"endpoint": {"branch_id": made["branch"]["id"], "type": "read_only", "name": "reports"}}
    created = judged.post(f"{project}/endpoints", asked)
    path = f"{project}/endpoints/{created.json['endpoint']['id']}"

    def has_come_to(state: str) -> bool:
        endpoint = judged.get(path).json["endpoint"]
        return endpoint["current_state"] == state and "pending_state" not in endpoint

    assert created.status == 201
    assert created.json["endpoint"]["name"] == "reports"
    assert created.json["endpoint"]["pending_state"] == "active"
    wait_until(lambda: has_come_to("active"), "the replica is there")
    assert [each["action"] for each in judged.post(f"{path}/suspend").json["operations"]] == ["suspend_compute"]
    wait_until(lambda: has_come_to("idle"), "the replica sleeps")
    assert judged.post(f"{path}/suspend").json["operations"] == []
    assert [each["action"] for each in judged.post(f"{path}/start").json["operations"]] == ["start_compute"]
    wait_until(lambda: has_come_to("active"), "the replica is awake")
    assert judged.post(f"{path}/start").json["operations"] == []


def test_second_read_write_endpoint_is_a_conflict(judged: Any, made: dict[str, Any], project: str) -> None:
    asked = {"endpoint": {"branch_id": made["branch"]["id"], "type": "read_write"}}
    answer = judged.post(f"{project}/endpoints", asked)

    assert (answer.status, answer.json["message"]) == (409, "read_write endpoint already exists")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/projects/no-such-one", "project not found"),
        ("/projects/no-such-one/branches", "project not found"),
        ("/projects/no-such-one/endpoints", "project not found"),
        ("/projects/no-such-one/operations", "project not found"),
        ("{project}/branches/br-no-such-0", "branch not found"),
        ("{project}/branches/br-no-such-0/endpoints", "branch not found"),
        ("{project}/branches/br-no-such-0/roles", "branch not found"),
        ("{project}/endpoints/ep-no-such-0", "endpoint not found"),
        ("{project}/operations/5c5b8a2f-c8be-430c-8499-9869326d7715", "operation not found"),
        ("{branch}/roles/nobody", "role not found"),
        ("{branch}/roles/neondb%5Fowner%2Fx", "role not found"),
        ("{branch}/databases/nothing", "database not found"),
    ],
)
def test_missing_objects(judged: Any, project: str, branch: str, path: str, message: str) -> None:
    answer = judged.get(path.format(project=project, branch=branch))

    assert (answer.status, answer.json["message"]) == (404, message)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/"),
        ("GET", "/projects/"),
        ("PATCH", "/api_keys"),
        ("PUT", "/projects/x"),
        ("PUT", "/projects"),
        ("BREW", "/projects"),
        ("GET", "/projects/x/branches/y/buckets"),
        ("GET", "/projects/x/branches/y/roles/a/b"),
        ("GET", "/projects/../projects"),
    ],
)
def test_unknown_routes_and_methods_do_not_exist(judged: Any, method: str, path: str) -> None:
    answer = judged.request(method, path)

    assert (answer.status, answer.json["message"]) == (404, "this route does not exist")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "project (field required)"),
        ({}, "project (field required)"),
        ({"project": None}, "project (input should be an object)"),
        ({"project": {"name": ""}}, "project.name (string should have at least 1 character)"),
        ({"project": {"name": "x" * 257}}, "project.name (string should have at most 256 characters)"),
        ({"project": {"name": "a\0b"}}, "project.name (holds a zero byte)"),
        ({"project": {"pg_version": "17"}}, "project.pg_version (input should be a valid integer)"),
        ({"project": {"pg_version": 9}}, "project.pg_version (input should be greater than or equal to 14)"),
        (
            {"project": {"branch": {"database_name": "ü" * 32}}},
            "project.branch.database_name (longer than 63 bytes)",
        ),
        (
            {"project": {"default_endpoint_settings": {"suspend_timeout_seconds": -2}}},
            "project.default_endpoint_settings.suspend_timeout_seconds"
            " (input should be greater than or equal to -1)",
        ),
    ],
)
def test_bad_project_is_told_what_is_wrong(judged: Any, body: Any, message: str) -> None:
    answer = judged.post("/projects", body)

    assert (answer.status, answer.json["message"]) == (
        400,
        f"invalid request: decode application/json: invalid: {message}",
    )


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"\xff", b"null", b'{"project":' * 200_00, b'{"project": {"name": "\\ud800"}}', b"NaN"],
)
def test_what_is_not_json_is_refused(judged: Any, body: bytes) -> None:
    answer = judged.post("/projects", body)

    assert answer.status == 400
    assert answer.json["message"].startswith("invalid request: decode application/json: ")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/projects?limit=0", "limit (must be a number from 1 to 400)"),
        ("/projects?limit=ten", "limit (must be a number from 1 to 400)"),
        ("{project}/operations?limit=1001", "limit (must be a number from 1 to 1000)"),
        ("{project}/branches?sort_by=size", "sort_by (must be one of name, created_at, updated_at)"),
        ("{project}/branches?cursor=x", "cursor (not one that this server gave)"),
        ("{project}/connection_uri?role_name=neondb_owner", "database_name (field required)"),
        ("{project}/connection_uri?database_name=neondb", "role_name (field required)"),
        (
            "{project}/connection_uri?database_name=neondb&role_name=neondb_owner&pooled=maybe",
            "pooled (must be true or false)",
        ),
    ],
)
def test_bad_query_is_told_what_is_wrong(judged: Any, project: str, path: str, message: str) -> None:
    answer = judged.get(path.format(project=project))

    assert (answer.status, answer.json["message"]) == (400, f"invalid request: decode query: invalid: {message}")


def test_every_answer_has_a_request_id_and_errors_repeat_it(judged: Any) -> None:
    missing, fine = judged.get("/projects/no-such-one"), judged.get("/projects")

    assert missing.json["request_id"] == missing.headers["x-neon-ret-request-id"]
    assert UUID(fine.headers["x-neon-ret-request-id"]).version == 4


@pytest.mark.parametrize(
    ("record", "schema"),
    [
        (records.AllowedIps, "AllowedIps"),
        (records.Auth, "AuthDetailsResponse"),
        (records.AuthAccount, "CurrentUserAuthAccount"),
        (records.BillingAccount, "BillingAccount"),
        (records.Branch, "Branch"),
        (records.ConnectionDetails, "ConnectionDetails"),
        (records.ConnectionParameters, "ConnectionParameters"),
        (records.CurrentUser, "CurrentUserInfoResponse"),
        (records.Database, "Database"),
        (records.Endpoint, "Endpoint"),
        (records.EndpointSettings, "DefaultEndpointSettings"),
        (records.Operation, "Operation"),
        (records.Organization, "Organization"),
        (records.Owner, "ProjectOwnerData"),
        (records.PaymentSource, "PaymentSource"),
        (records.Project, "Project"),
        (records.ProjectListItem, "ProjectListItem"),
        (records.ProjectSettings, "ProjectSettingsData"),
        (records.Region, "RegionResponse"),
        (records.Role, "Role"),
        (bodies.ErrorBody, "GeneralError"),
    ],
)
def test_records_have_the_documents_fields(document: Any, record: Any, schema: str) -> None:
    # An endpoint's `dormouse` is this platform's own: the clients pass over what they do not know.
    ours = {each.name for each in dataclasses.fields(record)} - {"dormouse"}
    theirs = document.schema(schema)

    assert ours <= set(theirs["properties"]), "a field that the document does not know"
    assert set(theirs.get("required", ())) <= ours, "a required field that the record lacks"
