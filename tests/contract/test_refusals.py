"""Who is kept out, what goes wrong, and what is said of it."""

import json
import logging
import socket
from typing import Any
from urllib.parse import quote

import pytest

from dormouse.errors import (
    Conflict,
    EndpointDisabled,
    Invalid,
    Locked,
    NotFound,
    RuleViolation,
    StartFailed,
    StorageError,
)

KEY = "napi_a_key_for_tests"
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": KEY},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer napi_another_key"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer ü".encode("latin-1").decode("latin-1")},
        {"X-Api-Key": KEY},
        # neonctl sends these beside the header; alone they are a browser's doing.
        {"Cookie": f"zenith={KEY}; keycloak_token={KEY}"},
    ],
)
@pytest.mark.parametrize("path", ["/users/me", "/projects", "/no-such-route", ""])
def test_without_the_key_nothing_is_told(wire: Any, headers: dict[str, str], path: str) -> None:
    answer = wire.bare("GET", "/api/v2" + path, headers=headers)

    assert answer.status == 401
    assert answer.json["message"] == "supplied credentials do not pass authentication"
    assert answer.json["code"] == ""


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_key_is_taken_under_its_scheme_in_any_letter_case(wire: Any, scheme: str) -> None:
    assert wire.bare("GET", "/api/v2/auth", headers={"Authorization": f"{scheme} {KEY}"}).status == 200


@pytest.mark.parametrize("path", ["/", "/health", "/api/v2/users/me"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:55433", "localhost.evil.example", "", "10.0.0.7"])
def test_foreign_host_name_is_refused_before_all_else(wire: Any, path: str, host: str) -> None:
    answer = wire.bare("GET", path, headers=BEARER | {"Host": host})

    assert answer.status in (400, 403)
    assert b"dormouse.localhost" not in answer.content


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:55433", "dormouse.localhost", "LOCALHOST"])
def test_our_own_host_names_are_served(wire: Any, host: str) -> None:
    assert wire.bare("GET", "/health", headers={"Host": host}).status == 200


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://localhost:1", "file://", "garbage"])
def test_requests_of_other_sites_are_refused(wire: Any, origin: str) -> None:
    answer = wire.bare("GET", "/api/v2/users/me", headers=BEARER | {"Host": "localhost:2", "Origin": origin})

    assert (answer.status, answer.json["message"]) == (403, "requests from other sites are not served")


def test_requests_of_our_own_pages_are_served(wire: Any) -> None:
    headers = BEARER | {"Host": "localhost:55433", "Origin": "http://localhost:55433"}

    assert wire.bare("GET", "/api/v2/users/me", headers=headers).status == 200


def test_other_sites_get_no_leave_to_read(wire: Any) -> None:
    asked = {"Host": "localhost", "Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = wire.bare("OPTIONS", "/api/v2/projects", headers=asked)

    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/", "/health", "/nothing", "/api/v2/users/me", "/api/v2/nothing"])
def test_every_answer_is_careful_with_browsers(wire: Any, path: str) -> None:
    headers = wire.bare("GET", path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-neon-ret-request-id"]


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Invalid("no"), 400),
        (NotFound("no"), 404),
        (Conflict("no"), 409),
        (RuleViolation("no"), 422),
        (EndpointDisabled("no"), 422),
        (Locked("no"), 423),
        (StartFailed("no", log_tail="FATAL: a line of the server's log"), 500),
        (StorageError("no"), 500),
    ],
)
def test_known_errors_have_their_status_and_message(
    judged: Any, plane: Any, failure: Exception, status: int
) -> None:
    plane.state.fail_with = failure
    answer = judged.get("/projects")

    assert (answer.status, answer.json["message"], answer.json["code"]) == (status, "no", "")
    assert answer.json["request_id"] == answer.headers["x-neon-ret-request-id"]


def test_unknown_errors_are_told_to_the_log_alone(
    judged: Any, plane: Any, caplog: pytest.LogCaptureFixture
) -> None:
    plane.state.fail_with = ZeroDivisionError("the secret of the failure")
    answer = judged.get("/projects")

    assert (answer.status, answer.json["message"]) == (500, "internal error")
    assert b"secret" not in answer.content
    (record,) = [each for each in caplog.records if each.name == "dormouse.web"]
    assert record.__dict__["request_id"] == answer.json["request_id"]
    assert record.exc_info is not None and "ZeroDivisionError" in str(record.exc_info[0])


def test_no_password_and_no_key_reach_the_log(wire: Any, plane: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = wire.post("/projects", {"project": {}}).json
    branch = f"/projects/{made['project']['id']}/branches/{made['branch']['id']}"
    wire.get(f"{branch}/roles/neondb_owner/reveal_password")
    plane.state.fail_with = StartFailed("no")
    wire.get("/projects")
    plane.state.fail_with = RuntimeError("no")
    wire.get("/projects")
    wire.bare("GET", "/api/v2/projects", headers={"Authorization": "Bearer napi_wrong"})

    assert [each for each in caplog.records if each.name == "dormouse.web"]
    for secret in (KEY, made["roles"][0]["password"], "napi_wrong"):
        assert secret not in caplog.text
        assert not [each for each in caplog.records if secret in str(each.__dict__)]


def test_callers_may_name_their_requests(wire: Any) -> None:
    assert wire.get("/auth", headers={"X-Request-ID": "my-7"}).headers["x-neon-ret-request-id"] == "my-7"


@pytest.mark.parametrize("name", ["a b", "x" * 100, "<script>", ""])
def test_unfit_names_of_requests_are_replaced(wire: Any, name: str) -> None:
    chosen = wire.get("/auth", headers={"X-Request-ID": name}).headers["x-neon-ret-request-id"]

    assert chosen != name and len(chosen) == 36


def test_body_over_a_megabyte_is_refused(judged: Any) -> None:
    big = json.dumps({"project": {"name": "x" * 1024 * 1024}}).encode()

    assert judged.post("/projects", big).status == 413


def test_body_of_unknown_length_is_refused_when_it_grows_too_large(server: Any) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    head = f"POST /api/v2/projects HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 17)
        first = connection.recv(64)

    assert first.startswith(b"HTTP/1.1 413 ")


def test_body_is_not_read_without_the_key(server: Any) -> None:
    head = b"POST /api/v2/projects HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head)
        first = connection.recv(64)

    assert first.startswith(b"HTTP/1.1 401 ")


def test_start_page_says_what_this_is_and_no_secret(wire: Any) -> None:
    wire.post("/projects", {"project": {"name": "a_project_of_mine"}})
    page = wire.bare("GET", "/")

    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert b"/api/v2" in page.content
    assert KEY.encode() not in page.content and b"a_project_of_mine" not in page.content


def test_health_needs_no_key(wire: Any) -> None:
    answer = wire.bare("GET", "/health")

    assert answer.status == 200
    assert answer.json["status"] == "ok" and answer.json["version"]


def test_pages_that_are_not_there(wire: Any) -> None:
    assert wire.bare("GET", "/nothing").status == 404
    assert wire.bare("POST", "/").status == 404
    assert wire.bare("GET", "/docs").status == 404
    assert wire.bare("GET", "/openapi.json").status == 404


def test_health_of_the_platform_needs_no_key(wire: Any) -> None:
    answer = wire.bare("GET", "/_local/health")

    assert answer.status == 200
    assert answer.json["status"] == "ok" and answer.json["version"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/diagnose"),
        ("POST", "/reset"),
        ("POST", "/operations/finish"),
        ("POST", "/operations/profile"),
        ("GET", "/projects/p/branches"),
        ("GET", "/projects/p/kept"),
        ("POST", "/projects/p/branches/br-1/undo"),
        ("GET", "/openapi.json"),
        ("GET", ""),
        ("GET", "/health/../diagnose"),
    ],
)
def test_the_platforms_own_routes_need_the_key(wire: Any, plane: Any, method: str, path: str) -> None:
    wire.post("/projects", {"project": {}})
    for headers in ({}, {"Authorization": "Bearer napi_wrong"}, {"X-Api-Key": KEY}, {"Cookie": f"zenith={KEY}"}):
        assert wire.bare(method, "/_local" + path, {"confirm": "delete everything"}, headers=headers).status == 401

    assert len(plane.state.projects) == 1


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
@pytest.mark.parametrize("path", ["/_local/health", "/_local/reset", "/api/v2/projects", "/nothing"])
def test_strangers_are_refused_before_the_key_and_the_route(wire: Any, headers: dict[str, str], path: str) -> None:
    for key in ({}, BEARER):
        assert wire.bare("POST", path, headers=headers | key).status == 403


@pytest.mark.parametrize(
    "body", [None, {}, {"confirm": ""}, {"confirm": True}, {"confirm": "Delete everything"}, b"{"]
)
def test_reset_must_be_confirmed_word_for_word(wire: Any, plane: Any, body: Any) -> None:
    wire.post("/projects", {"project": {}})
    answer = wire.bare("POST", "/_local/reset", body, headers=BEARER)

    assert answer.status == 400
    assert len(plane.state.projects) == 1


def test_reset_deletes_everything(wire: Any, plane: Any) -> None:
    for _ in range(2):
        wire.post("/projects", {"project": {}})
    answer = wire.bare("POST", "/_local/reset", {"confirm": "delete everything"}, headers=BEARER)

    assert (answer.status, answer.json) == (200, {"projects": 2})
    assert plane.state.projects == []


def test_our_own_document_is_served(wire: Any) -> None:
    answer = wire.bare("GET", "/_local/openapi.json", headers=BEARER)

    assert answer.status == 200
    assert answer.json["openapi"].startswith("3.1")
    assert "/api/v2/projects/{project_id}" in answer.json["paths"]
    assert KEY.encode() not in answer.content


def test_key_that_was_made_opens_until_it_is_revoked(wire: Any) -> None:
    made = wire.post("/api_keys", {"key_name": "robot"}).json
    headers = {"Authorization": f"Bearer {made['key']}"}

    assert wire.bare("GET", "/api/v2/projects", headers=headers).status == 200
    assert wire.bare("GET", "/_local/diagnose", headers=headers).status == 200
    assert wire.bare("GET", "/api/v2/projects", headers={"X-Api-Key": made["key"]}).status == 401
    assert wire.request("DELETE", f"/api_keys/{made['id']}").status == 200
    assert wire.bare("GET", "/api/v2/projects", headers=headers).status == 401


TRAPS = [
    "../../../etc/passwd",
    "a/../b",
    "..",
    "..\\windows",
    "x\ny",
    "x\x1b[2J",
    'x"; DROP DATABASE neondb; --',
    "x'; DROP ROLE neondb_owner",
]


@pytest.mark.parametrize("name", TRAPS)
def test_names_that_mean_something_elsewhere_are_not_given(judged: Any, plane: Any, name: str) -> None:
    made = judged.post("/projects", {"project": {}}).json
    project, endpoint = f"/projects/{made['project']['id']}", made["endpoints"][0]["id"]
    branch = f"{project}/branches/{made['branch']['id']}"
    before = repr(plane.state)

    for method, path, body in (
        ("POST", "/projects", {"project": {"name": name}}),
        ("POST", "/projects", {"project": {"branch": {"name": name}}}),
        ("POST", "/projects", {"project": {"branch": {"role_name": name}}}),
        ("POST", "/projects", {"project": {"branch": {"database_name": name}}}),
        ("PATCH", project, {"project": {"name": name}}),
        ("POST", f"{project}/branches", {"branch": {"name": name}}),
        ("POST", f"{project}/branches", {"branch": {"parent_id": name}}),
        ("PATCH", branch, {"branch": {"name": name}}),
        ("POST", f"{branch}/roles", {"role": {"name": name}}),
        ("POST", f"{branch}/databases", {"database": {"name": name, "owner_name": "neondb_owner"}}),
        ("PATCH", f"{branch}/databases/neondb", {"database": {"name": name}}),
        ("PATCH", f"{project}/endpoints/{endpoint}", {"endpoint": {"name": name}}),
        ("POST", "/api_keys", {"key_name": name}),
    ):
        answer = judged.request(method, path, body)
        assert answer.status == 400, (method, path)
        assert answer.json["message"].startswith("invalid request: decode application/json: invalid: ")

    assert repr(plane.state) == before


@pytest.mark.parametrize("name", [*TRAPS, "' OR '1'='1", "a/b", "%00", "%", "\x00"])
@pytest.mark.parametrize(
    "path",
    [
        "/projects/{}",
        "{project}/branches/{}",
        "{project}/endpoints/{}",
        "{project}/permissions/{}",
        "{branch}/roles/{}",
        "{branch}/databases/{}",
    ],
)
def test_names_in_the_path_lead_nowhere_else(judged: Any, plane: Any, path: str, name: str) -> None:
    made = judged.post("/projects", {"project": {}}).json
    project = f"/projects/{made['project']['id']}"
    path = path.format(quote(name, safe=""), project=project, branch=f"{project}/branches/{made['branch']['id']}")
    before = repr(plane.state)

    assert judged.request("DELETE", path).status == 404
    assert judged.get(path).status == 404
    assert repr(plane.state) == before


@pytest.mark.parametrize(
    "path", ["/projects/%ff", "/projects/%c3%28/branches", "/projects?search=%ff", "/projects/%"]
)
def test_escapes_that_are_not_text(judged: Any, path: str) -> None:
    assert judged.get(path).status in (200, 400, 404)


@pytest.mark.parametrize(
    "target", [b"/api/v2/projects/\xff", b"/\xc3\x28", b"/api/v2/projects?search=\xff", b"*", b"//"]
)
def test_bytes_in_the_request_line_that_are_not_text(server: Any, target: bytes) -> None:
    head = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer " + KEY.encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET " + target + head + b"\r\n\r\n")
        first = connection.recv(64)

    assert first.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200"))


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b'{"project": {"name": "\xff"}}', b"\x00"]
)
def test_bodies_that_are_not_what_they_should_be(judged: Any, plane: Any, body: bytes) -> None:
    made = judged.post("/projects", {"project": {}}).json
    project = f"/projects/{made['project']['id']}"
    before = repr(plane.state)

    for method, path in (
        ("POST", "/projects"),
        ("PATCH", project),
        ("POST", f"{project}/branches"),
        ("PATCH", f"{project}/branches/{made['branch']['id']}"),
        ("POST", f"{project}/endpoints"),
        ("POST", f"{project}/permissions"),
        ("POST", "/api_keys"),
    ):
        assert judged.request(method, path, body).status == 400

    assert repr(plane.state) == before
