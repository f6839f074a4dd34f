"""The life of a project through every route that is served, over a control plane in memory and on a real platform.

Each answer is checked against Neon's document by `Wire` itself; what is asserted here is what a shape cannot say.
"""

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_coverage import shape, table_of_routes

from dormouse.web.points import parse_lsn

NOBODY = "br-no-such-00000000"


@dataclass
class Walk:
    """Requests, and which routes they took."""

    wire: Any
    in_memory: bool = False
    """Where operations never end."""
    taken: set[tuple[str, str]] = field(default_factory=set)

    def __call__(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        deadline = time.monotonic() + 30
        # A project is busy while its operations run; neonctl waits as this does.
        while (answer := self.wire.request(method, path, body)).status == 423 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.content[:300]!r}"
        self.taken.add((method, route_of(method, path.partition("?")[0])))
        return answer.json

    def until_done(self, project: str) -> None:
        """Wait for the operations of a project."""
        deadline = time.monotonic() + 60
        while {"scheduling", "running"} & {
            each["status"] for each in self("GET", f"{project}/operations")["operations"]
        } and not self.in_memory:
            assert time.monotonic() < deadline, "operations do not end"
            time.sleep(0.05)

    def refused(self, method: str, path: str, body: Any = None, *, status: int, message: str) -> None:
        assert message in self(method, path, body, status=status)["message"]


def route_of(method: str, path: str) -> str:
    for route in table_of_routes():
        if route.method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path), path):
            return route.path
    raise AssertionError(f"no route for {method} {path}")


def take_every_route(walk: Walk) -> None:
    for path in ("/users/me", "/users/me/organizations", "/auth", "/regions", "/projects/shared"):
        walk("GET", path)
    walk("GET", f"/organizations/{walk('GET', '/users/me/organizations')['organizations'][0]['id']}")
    keys(walk)
    asked = {"project": {"name": "walk", "settings": SETTINGS, "default_endpoint_settings": USUAL}}
    made = walk("POST", "/projects", asked, status=201)
    project, branch = f"/projects/{made['project']['id']}", made["branch"]["id"]
    kept = walk("GET", project)["project"]
    assert (kept["settings"], kept["default_endpoint_settings"]) == (SETTINGS, USUAL)
    assert made["endpoints"][0]["settings"]["pg_settings"] == USUAL["pg_settings"]
    about_project(walk, project, made)
    permissions(walk, project)
    child = branches(walk, project, branch)
    databases_and_roles(walk, f"{project}/branches/{branch}")
    computes(walk, project, branch)
    begins(walk, project)
    restores(walk, project, branch)
    deletions(walk, project)
    schemas(walk, project, branch)
    snapshots(walk, project, branch)
    ends(walk, project, child)


SETTINGS: dict[str, Any] = {
    "allowed_ips": {"ips": ["10.0.0.0/8", "::1", "10.0.0.1-10.0.0.9"], "protected_branches_only": True},
    "quota": {"active_time_seconds": 0, "logical_size_bytes": 1 << 40},
    "enable_logical_replication": False,
    "maintenance_window": {"weekdays": [1, 7], "start_time": "23:00", "end_time": "00:30"},
    "block_public_connections": False,
    "block_vpc_connections": True,
    "audit_log_level": "extended",
    "hipaa": True,
    "preload_libraries": {"use_defaults": False, "enabled_libraries": ["auto_explain"]},
}
"""All that the document knows of a project's settings."""

USUAL = {
    "autoscaling_limit_min_cu": 0.5,
    "autoscaling_limit_max_cu": 1,
    "suspend_timeout_seconds": 600,
    "pg_settings": {"work_mem": "8MB", "auto_explain.log_min_duration": "1s"},
}
"""All that it knows of those of its computes, but what is deprecated."""


def keys(walk: Walk) -> None:
    key = walk("POST", "/api_keys", {"key_name": "a robot's"})
    assert key["key"].startswith("napi_")
    listed = walk("GET", "/api_keys")
    assert [each["name"] for each in listed if each["id"] == key["id"]] == ["a robot's"]
    assert "key" not in listed[0]
    assert walk("DELETE", f"/api_keys/{key['id']}")["revoked"] is True
    walk("DELETE", f"/api_keys/{key['id']}", status=404)
    walk("DELETE", "/api_keys/one", status=400)
    walk("POST", "/api_keys", {"key_name": "x" * 65}, status=400)


def about_project(walk: Walk, project: str, made: Any) -> None:
    walk("GET", "/projects?limit=400")
    walk("GET", project)
    settings = {"allowed_ips": {"ips": []}, "quota": {"active_time_seconds": 60}}
    change = {"name": "renamed", "settings": settings, "history_retention_seconds": 3600}
    changed = walk("PATCH", project, {"project": change})["project"]
    assert (changed["name"], changed["history_retention_seconds"]) == ("renamed", 3600)
    # What was not given stayed.
    assert changed["settings"] == SETTINGS | {
        "allowed_ips": {"ips": [], "protected_branches_only": True},
        "quota": {"active_time_seconds": 60, "logical_size_bytes": 1 << 40},
    }
    sizes = {"default_endpoint_settings": {"autoscaling_limit_max_cu": 2}}
    changed = walk("PATCH", project, {"project": sizes})["project"]
    assert changed["default_endpoint_settings"] == USUAL | {"autoscaling_limit_max_cu": 2}
    for wrong in ({"audit_log_level": "loud"}, {"quota": {"logical_size_bytes": -1}}, {"maintenance_window": {}}):
        walk("PATCH", project, {"project": {"settings": wrong}}, status=400)
    walk("PATCH", project, {"project": {"settings": {"allowed_ips": {"ips": ["anywhere"]}}}}, status=400)
    walk("PATCH", project, {}, status=400)
    walk("PATCH", "/projects/no-such-one", {"project": {}}, status=404)
    operations = walk("GET", f"{project}/operations")["operations"]
    walk("GET", f"{project}/operations/{operations[0]['id']}")
    walk("GET", f"{project}/connection_uri?database_name=neondb&role_name=neondb_owner")
    walk("GET", f"{project}/available_preload_libraries")
    walk("GET", "/projects/no-such-one/available_preload_libraries", status=404)


def permissions(walk: Walk, project: str) -> None:
    granted = walk("POST", f"{project}/permissions", {"email": "anna@example.com"})
    walk("POST", f"{project}/permissions", {"email": "anna@example.com"}, status=409)
    walk("POST", f"{project}/permissions", {"email": "anna"}, status=400)
    assert walk("GET", f"{project}/permissions")["project_permissions"] == [granted]
    assert walk("DELETE", f"{project}/permissions/{granted['id']}")["granted_to_email"] == "anna@example.com"
    walk("DELETE", f"{project}/permissions/{granted['id']}", status=404)
    # neon-api sends what its caller names the permission by.
    for named in ("permission_id", "email"):
        granted = walk("POST", f"{project}/permissions", {"email": "bob@example.com"})
        value = granted["id"] if named == "permission_id" else "bob@example.com"
        walk("DELETE", f"{project}/permissions", {named: value})
    walk("DELETE", f"{project}/permissions", {"email": "bob@example.com"}, status=404)
    walk("DELETE", f"{project}/permissions", {}, status=400)


def branches(walk: Walk, project: str, root: str) -> str:
    """Gives the id of a child of the root."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.123Z")
    asked = {"branch": {"name": "dev", "expires_at": tomorrow}, "endpoints": [{"type": "read_write"}]}
    made = walk("POST", f"{project}/branches", asked, status=201)
    child = made["branch"]
    assert (child["name"], child["parent_id"], child["default"]) == ("dev", root, False)
    assert child["expires_at"] == tomorrow.replace(".123", "")
    assert [each["type"] for each in made["endpoints"]] == ["read_write"]
    assert [each["action"] for each in made["operations"]] == ["create_branch", "start_compute"]
    assert made["connection_uris"][0]["connection_parameters"]["host"] == made["endpoints"][0]["host"]
    assert [each["name"] for each in made["databases"]] == ["neondb"]
    assert "password" not in made["roles"][0]
    one = f"{project}/branches/{child['id']}"
    walk.until_done(project)
    assert "expires_at" in walk("PATCH", one, {"branch": {"name": "dev2"}})["branch"]
    cleared = walk("PATCH", one, {"branch": {"expires_at": None}})["branch"]
    assert cleared["name"] == "dev2" and "expires_at" not in cleared
    unnamed = walk("POST", f"{project}/branches", status=201)["branch"]
    walk.until_done(project)
    assert unnamed["name"] == unnamed["id"]
    walk("POST", f"{project}/branches", {"branch": {"name": "dev2"}}, status=409)
    walk("POST", f"{project}/branches", {"branch": {"parent_id": NOBODY}}, status=404)
    walk("POST", f"{project}/branches", {"branch": {"expires_at": "tomorrow"}}, status=400)
    walk("POST", f"{project}/branches", {"branch": {"expires_at": "0001-01-01T00:00:00+23:59"}}, status=400)
    walk("POST", f"{project}/branches", {"endpoints": [{"type": "write_only"}]}, status=400)
    walk.refused(
        "POST", f"{project}/branches", {"branch": {"archived": True}}, status=501, message="not available"
    )
    assert walk("GET", f"{project}/branches/count")["count"] == 3
    assert walk("GET", f"{project}/branches?search=dev2")["branches"][0]["id"] == child["id"]
    walk("GET", one)
    walk("GET", f"{one}/endpoints")
    assert walk("PATCH", one, {"branch": {"protected": True}})["branch"]["protected"] is True
    walk("DELETE", one, status=422)
    walk("PATCH", one, {"branch": {"protected": False}})
    assert walk("POST", f"{one}/set_as_default")["branch"]["default"] is True
    assert [each["default"] for each in walk("GET", f"{project}/branches")["branches"]].count(True) == 1
    walk("POST", f"{project}/branches/{root}/set_as_primary")
    walk("POST", f"{project}/branches/{NOBODY}/set_as_default", status=404)
    deleted = walk("DELETE", f"{project}/branches/{unnamed['id']}?hard_delete=true")
    assert deleted["branch"]["pending_state"] == "storage_deleted"
    walk.refused("DELETE", f"{project}/branches/{unnamed['id']}", status=404, message="branch not found")
    walk.refused("DELETE", f"{project}/branches/{root}", status=422, message="")
    return str(child["id"])


def databases_and_roles(walk: Walk, branch: str) -> None:
    role = walk("POST", f"{branch}/roles", {"role": {"name": "Ännchen O'Neil"}}, status=201)["role"]
    assert role["password"].startswith("npg_")
    one_role = f"{branch}/roles/%C3%84nnchen%20O%27Neil"
    walk("POST", f"{branch}/roles", {"role": {"name": "Ännchen O'Neil"}}, status=409)
    assert "password" not in walk("GET", one_role)["role"]
    assert walk("GET", f"{one_role}/reveal_password")["password"] == role["password"]
    new = walk("POST", f"{one_role}/reset_password")["role"]["password"]
    assert new != role["password"]
    assert walk("POST", f"{one_role}/reveal_password")["password"] == new
    silent = walk("POST", f"{branch}/roles", {"role": {"name": "crew", "no_login": True}}, status=201)["role"]
    assert "password" not in silent
    walk("DELETE", f"{branch}/roles/crew")
    asked = {"database": {"name": "my/shop", "owner_name": "Ännchen O'Neil"}}
    assert walk("POST", f"{branch}/databases", asked, status=201)["database"]["owner_name"] == "Ännchen O'Neil"
    walk("POST", f"{branch}/databases", asked, status=409)
    walk("POST", f"{branch}/databases", {"database": {"name": "x", "owner_name": "nobody"}}, status=404)
    walk("POST", f"{branch}/databases", {"database": {"name": "x"}}, status=400)
    walk("DELETE", one_role, status=422)
    one = f"{branch}/databases/my%2Fshop"
    assert walk("PATCH", one, {"database": {"owner_name": "neondb_owner"}})["database"]["name"] == "my/shop"
    assert walk("PATCH", one, {"database": {"name": "shop"}})["database"]["name"] == "shop"
    walk("GET", one, status=404)
    walk("GET", f"{branch}/databases/shop")
    assert [each["name"] for each in walk("GET", f"{branch}/databases")["databases"]] == ["neondb", "shop"]
    walk("DELETE", f"{branch}/databases/shop")
    walk.refused("DELETE", f"{branch}/databases/shop", status=404, message="database not found")
    walk("DELETE", one_role)
    walk.refused("DELETE", one_role, status=404, message="role not found")
    assert [each["name"] for each in walk("GET", f"{branch}/roles")["roles"]] == ["neondb_owner"]


def computes(walk: Walk, project: str, branch: str) -> None:
    asked = {"endpoint": {"branch_id": branch, "type": "read_only", "name": "reports"}}
    replica = walk("POST", f"{project}/endpoints", asked, status=201)["endpoint"]["id"]
    one = f"{project}/endpoints/{replica}"
    walk.until_done(project)
    walk("GET", f"{project}/endpoints")
    walk("GET", one)
    changed = walk("PATCH", one, {"endpoint": {"autoscaling_limit_min_cu": 4, "suspend_timeout_seconds": -1}})
    assert changed["endpoint"]["autoscaling_limit_max_cu"] == 4
    assert changed["endpoint"]["suspend_timeout_seconds"] == -1
    assert changed["endpoint"]["name"] == "reports"
    assert changed["endpoint"]["settings"]["pg_settings"] == USUAL["pg_settings"]
    own = {"pg_settings": {"jit": "off"}, "preload_libraries": {"use_defaults": True, "enabled_libraries": []}}
    assert walk("PATCH", one, {"endpoint": {"settings": own}})["endpoint"]["settings"] == own
    assert walk("GET", one)["endpoint"]["settings"] == own
    walk("PATCH", one, {"endpoint": {"settings": {"pg_settings": {"a b": "c"}}}}, status=400)
    walk("PATCH", one, {"endpoint": {"autoscaling_limit_min_cu": 100}}, status=400)
    walk("PATCH", one, {"endpoint": {"branch_id": NOBODY}}, status=501)
    walk("POST", f"{one}/suspend")
    walk("POST", f"{one}/start")
    walk("POST", f"{one}/restart")
    walk("DELETE", one)
    walk.refused("DELETE", one, status=404, message="endpoint not found")
    walk.refused("POST", f"{one}/restart", status=404, message="endpoint not found")


def branch_of(walk: Walk, project: str, status: int = 201, **asked: Any) -> Any:
    made = walk("POST", f"{project}/branches", {"branch": asked}, status=status)
    walk.until_done(project)
    return made.get("branch")


def now() -> str:
    """As neonctl writes a moment."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def begins(walk: Walk, project: str) -> None:
    """Branches of the past, and of the schema alone."""
    noted = branch_of(walk, project, name="of the head")
    again = branch_of(walk, project, name="by LSN", parent_lsn=noted["parent_lsn"])
    assert again["parent_lsn"] == noted["parent_lsn"]
    assert branch_of(walk, project, name="by time", parent_timestamp=now())["parent_id"] == noted["parent_id"]
    both = {"parent_lsn": "0/1", "parent_timestamp": now()}
    for wrong in ({"parent_lsn": "0"}, {"parent_lsn": "0/1FA22C0/1"}, {"parent_timestamp": "now"}, both):
        refused = walk("POST", f"{project}/branches", {"branch": wrong}, status=400)
        assert refused["message"].startswith("invalid request: decode application/json: invalid: branch")
    branch_of(walk, project, 422, parent_lsn="0/1")
    branch_of(walk, project, 422, parent_timestamp="2026-01-01T00:00:00Z")
    asked = {"branch": {"name": "bare", "init_source": "schema-only"}, "endpoints": [{"type": "read_write"}]}
    bare = walk("POST", f"{project}/branches", asked, status=201)["branch"]
    walk.until_done(project)
    assert bare["init_source"] == "schema-only" and "parent_id" not in bare
    words = {"annotation_value": {"git": "feature/☃"}, "branch": {"name": "annotated"}}
    annotated = walk("POST", f"{project}/branches", words, status=201)["branch"]["id"]
    walk.until_done(project)
    assert walk("GET", f"{project}/branches/{annotated}")["annotation"]["value"] == {"git": "feature/☃"}
    listed = walk("GET", f"{project}/branches")["annotations"]
    assert {name: each["value"] for name, each in listed.items()} == {annotated: {"git": "feature/☃"}}
    walk("POST", f"{project}/branches", {"annotation_value": {"a": 1}}, status=400)
    for each in (noted, again, bare):
        walk("DELETE", f"{project}/branches/{each['id']}?hard_delete=true")


def restores(walk: Walk, project: str, root: str) -> None:
    child = branch_of(walk, project, name="to be restored")
    one = f"{project}/branches/{child['id']}"
    walk.until_done(project)
    reset = walk("POST", f"{one}/restore", {"source_branch_id": root})
    walk.until_done(project)
    assert reset["branch"]["id"] == child["id"] and reset["operations"]
    assert walk("GET", one)["branch"]["last_reset_at"] >= child["created_at"]
    own = {"source_branch_id": child["id"], "source_timestamp": now()}
    walk("POST", f"{one}/restore", own, status=422)
    walk("POST", f"{one}/restore", {"source_branch_id": child["id"], "preserve_under_name": "x"}, status=422)
    walk("POST", f"{one}/restore", own | {"source_lsn": "0/1"}, status=400)
    walk("POST", f"{one}/restore", {}, status=400)
    walk("POST", f"{one}/restore", {"source_branch_id": NOBODY}, status=404)
    restored = walk("POST", f"{one}/restore", own | {"preserve_under_name": "the old one"})["branch"]
    walk.until_done(project)
    (old,) = walk("GET", f"{project}/branches?search=the%20old%20one")["branches"]
    assert (restored["id"], restored["parent_id"]) == (child["id"], old["id"])
    another = {"source_branch_id": root, "source_lsn": child["parent_lsn"], "preserve_under_name": ""}
    assert walk("POST", f"{one}/restore", another)["branch"]["id"] == child["id"]
    walk.until_done(project)


def deletions(walk: Walk, project: str) -> None:
    asked = {"branch": {"name": "brief"}, "endpoints": [{"type": "read_write"}]}
    made = walk("POST", f"{project}/branches", asked, status=201)
    walk.until_done(project)
    one = f"{project}/branches/{made['branch']['id']}"
    walk("DELETE", one)
    walk.until_done(project)
    walk("GET", one, status=404)
    assert walk("GET", f"{project}/branches?search=brief")["branches"] == []
    (gone,) = walk("GET", f"{project}/branches?search=brief&include_deleted=true")["branches"]
    assert gone["recovery"]["deletion_method"] == "user"
    assert gone["recovery"]["recoverable_until"] > gone["recovery"]["deleted_at"]
    back = walk("POST", f"{one}/recover")
    walk.until_done(project)
    assert [each["id"] for each in back["endpoints"]] == [made["endpoints"][0]["id"]]
    assert "recovery" not in walk("GET", one)["branch"]
    walk("POST", f"{one}/recover", status=404)
    walk("DELETE", f"{one}?hard_delete=true")
    walk.until_done(project)
    walk("POST", f"{one}/recover", status=404)


def schemas(walk: Walk, project: str, root: str) -> None:
    child = branch_of(walk, project, name="with a schema")
    one = f"{project}/branches/{child['id']}"
    assert set(walk("GET", f"{one}/schema?db_name=neondb")) == {"sql"}
    assert set(walk("GET", f"{one}/schema?db_name=neondb&format=json")) == {"json"}
    for point in (f"lsn={child['parent_lsn']}", f"timestamp={now()}"):
        walk("GET", f"{project}/branches/{root}/schema?db_name=neondb&{point}")
    two = f"db_name=neondb&lsn=0/1&timestamp={now()}"
    for wrong in ("", "db_name=neondb&format=yaml", "db_name=neondb&lsn=x", two):
        walk.refused("GET", f"{one}/schema?{wrong}", status=400, message="invalid request: decode query: ")
    walk.refused("GET", f"{one}/schema?db_name=nope", status=404, message="database not found")
    assert walk("GET", f"{one}/compare_schema?db_name=neondb") == {"diff": ""}
    base = f"base_branch_id={root}&base_timestamp={now()}"
    assert walk("GET", f"{one}/compare_schema?db_name=neondb&{base}") == {"diff": ""}
    no_parent = f"{project}/branches/{root}/compare_schema?db_name=neondb"
    walk.refused("GET", no_parent, status=400, message="base_branch_id is required")
    walk("GET", f"{no_parent}&base_branch_id={NOBODY}", status=404)


def snapshots(walk: Walk, project: str, root: str) -> None:
    branch = f"{project}/branches/{root}"
    made = walk("POST", f"{branch}/snapshot?name=first&timestamp={now()}&expires_at=2099-01-01T00:00:00.000Z")
    walk.until_done(project)
    snapshot = made["snapshot"]
    assert (snapshot["name"], snapshot["source_branch_id"], snapshot["manual"]) == ("first", root, True)
    unnamed = walk("POST", f"{branch}/snapshot")["snapshot"]
    walk.until_done(project)
    assert unnamed["name"]
    walk("POST", f"{branch}/snapshot?lsn=0/1&timestamp={now()}", status=400)
    walk("POST", f"{branch}/snapshot?expires_at=tomorrow", status=400)
    child = branch_of(walk, project, name="no root")
    walk("POST", f"{project}/branches/{child['id']}/snapshot", status=422)
    one = f"{project}/snapshots/{snapshot['id']}"
    changed = walk("PATCH", one, {"snapshot": {"name": "renamed", "expires_at": None}})["snapshot"]
    assert changed["name"] == "renamed" and "expires_at" not in changed
    walk("PATCH", one, {}, status=400)
    walk("PATCH", f"{project}/snapshots/snap-1", {"snapshot": {}}, status=404)
    listed = walk("GET", f"{project}/snapshots")["snapshots"]
    assert [each["id"] for each in listed] == [snapshot["id"], unnamed["id"]]
    restored = walk("POST", f"{one}/restore", {"name": "from a snapshot"})
    walk.until_done(project)
    assert restored["branch"]["restored_from"] == snapshot["id"]
    assert restored["branch"]["restore_status"] == "restored"
    queried = walk("POST", f"{one}/restore?name=queried", {"target_branch_id": child["id"]})["branch"]
    walk.until_done(project)
    assert (queried["name"], queried["restored_as"]) == ("queried", child["id"])
    preview = f"{project}/branches/{queried['id']}"
    assert walk("POST", f"{preview}/finalize_restore", {"name": "replaced"})["operations"]
    walk.until_done(project)
    assert walk("GET", preview)["branch"]["name"] == "no root"
    assert walk("GET", f"{project}/branches/{child['id']}")["branch"]["name"] == "replaced"
    walk("POST", f"{preview}/finalize_restore", status=422)
    walk("POST", f"{project}/snapshots/snap-1/restore", status=404)
    items = [{"frequency": "daily", "hour": 3, "retention_seconds": 604800}, {"frequency": "weekly", "day": 1}]
    assert walk("PUT", f"{branch}/backup_schedule", {"schedule": items}) == {}
    assert walk("GET", f"{branch}/backup_schedule") == {"schedule": items}
    for wrong in ({"frequency": "often"}, {"frequency": "daily", "hour": 24}, {"frequency": "weekly", "day": 8}):
        walk("PUT", f"{branch}/backup_schedule", {"schedule": [wrong]}, status=400)
    assert walk("PUT", f"{branch}/backup_schedule", {"schedule": []}) == {}
    for each in listed:
        walk("DELETE", f"{project}/snapshots/{each['id']}", status=202)
        walk.until_done(project)
    walk("DELETE", one, status=404)


def ends(walk: Walk, project: str, child: str) -> None:
    walk("PATCH", f"{project}/branches/{child}", {"branch": {"protected": True}})
    walk("DELETE", project, status=422)
    walk("PATCH", f"{project}/branches/{child}", {"branch": {"protected": False}})
    walk("DELETE", project)
    walk.refused("DELETE", project, status=404, message="project not found")
    walk("GET", project, status=404)
    (gone,) = walk("GET", "/projects?recoverable=true")["projects"]
    assert gone["recoverable_until"] > gone["deleted_at"]
    assert gone["id"] not in [each["id"] for each in walk("GET", "/projects?limit=400")["projects"]]
    back = walk("POST", f"{project}/recover")
    assert child in [each["id"] for each in back["branches"]]
    walk("GET", project)
    walk("DELETE", project)
    walk("POST", "/projects/no-such-one/recover", status=404)


def test_every_route_in_memory(judged: Any) -> None:
    walk = Walk(judged, in_memory=True)

    take_every_route(walk)

    assert walk.taken == {(each.method, each.path) for each in table_of_routes()}


# Some two hundred requests, of which thirty make, restore or remove a branch: 30 s, and more beside other work.
@pytest.mark.timeout(300)
def test_every_route_of_a_platform(platform_wire: Any) -> None:
    walk = Walk(platform_wire)

    take_every_route(walk)

    assert walk.taken == {(each.method, each.path) for each in table_of_routes()}


def test_what_the_document_has_and_we_do_not_serve_does_not_exist(wire: Any, document: Any) -> None:
    served = {(each.method, shape(each.path)) for each in table_of_routes()}
    for template, item in document.whole["paths"].items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} & {each.upper() for each in item}:
            if (method, shape(template)) not in served:
                answer = wire.request(method, re.sub(r"\{\w+\}", "x", template))
                assert (answer.status, answer.json["message"]) == (404, "this route does not exist"), template
                # Not the shape of each operation's own 404: that is of objects that are missing.
                document.validate(answer.json, document.schema("GeneralError"))


def test_platform_tells_of_the_past(platform_wire: Any) -> None:
    key = {"Authorization": f"Bearer {platform_wire.key}"}
    walk = Walk(platform_wire)
    made = walk("POST", "/projects", {"project": {}}, status=201)
    project, root = f"/projects/{made['project']['id']}", made["branch"]["id"]
    walk.until_done(project)
    child = branch_of(walk, project, name="dev")["id"]
    walk("POST", f"{project}/branches/{child}/restore", {"source_branch_id": root})
    walk.until_done(project)

    told = platform_wire.bare("GET", f"/_local{project}/branches", headers=key).json["branches"]
    (kept,) = platform_wire.bare("GET", f"/_local{project}/kept", headers=key).json["kept"]
    undone = platform_wire.bare("POST", f"/_local{project}/branches/{child}/undo", headers=key)
    walk.until_done(project)

    assert {each["branch_id"] for each in told} == {root, child}
    assert all(each["own_bytes"] > 0 and parse_lsn(each["earliest_lsn"]) > 0 for each in told)
    assert (kept["branch_id"], kept["because"]) == (child, "reset")
    assert undone.status == 200 and undone.json["branch"]["id"] == child
    (again,) = platform_wire.bare("GET", f"/_local{project}/kept", headers=key).json["kept"]
    assert again["because"] == "undo"
    walk("DELETE", project)


def test_platform_tells_of_itself(platform_wire: Any) -> None:
    key = {"Authorization": f"Bearer {platform_wire.key}"}
    told = platform_wire.bare("GET", "/_local/diagnose", headers=key).json

    assert told["version"] == platform_wire.bare("GET", "/_local/health").json["version"]
    assert told["http_port"] == platform_wire.port and told["pg_port"] > 0
    assert [each["is_default"] for each in told["postgres"]].count(True) == 1
    assert told["storage"] in ("copy", "reflink")
    assert 0 < told["disk_free_bytes"] < told["disk_total_bytes"]
    assert platform_wire.key not in str(told)
