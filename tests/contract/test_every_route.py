"""The life of a project through every route that is served, over a control plane in memory and on a real platform.

Each answer is checked against Neon's document by `Wire` itself; what is asserted here is what a shape cannot say.
"""

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from api_coverage import shape, table_of_routes

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
    made = walk("POST", "/projects", {"project": {"name": "walk", "settings": SETTINGS}}, status=201)
    project, branch = f"/projects/{made['project']['id']}", made["branch"]["id"]
    assert made["project"]["settings"]["allowed_ips"] == SETTINGS["allowed_ips"]
    about_project(walk, project, made)
    permissions(walk, project)
    child = branches(walk, project, branch)
    databases_and_roles(walk, f"{project}/branches/{branch}")
    computes(walk, project, branch)
    to_come(walk, f"{project}/branches/{branch}", project)
    ends(walk, project, child)


SETTINGS = {"allowed_ips": {"ips": ["10.0.0.0/8", "::1", "10.0.0.1-10.0.0.9"], "protected_branches_only": True}}


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
    change = {"name": "renamed", "settings": {"allowed_ips": {"ips": []}}, "history_retention_seconds": 3600}
    changed = walk("PATCH", project, {"project": change})["project"]
    assert (changed["name"], changed["history_retention_seconds"]) == ("renamed", 3600)
    # What was not given stayed.
    assert changed["settings"]["allowed_ips"] == {"ips": [], "protected_branches_only": True}
    sizes = {"default_endpoint_settings": {"autoscaling_limit_max_cu": 2}}
    changed = walk("PATCH", project, {"project": sizes})["project"]
    assert changed["default_endpoint_settings"]["autoscaling_limit_min_cu"] == 0.25
    assert changed["default_endpoint_settings"]["autoscaling_limit_max_cu"] == 2
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
    for past in ({"parent_lsn": "0/1FA22C0"}, {"parent_timestamp": tomorrow}, {"init_source": "schema-only"}):
        walk.refused("POST", f"{project}/branches", {"branch": past}, status=501, message="not available")
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
    walk("PATCH", one, {"endpoint": {"autoscaling_limit_min_cu": 100}}, status=400)
    walk("PATCH", one, {"endpoint": {"branch_id": NOBODY}}, status=501)
    walk("POST", f"{one}/suspend")
    walk("POST", f"{one}/start")
    walk("POST", f"{one}/restart")
    walk("DELETE", one)
    walk.refused("DELETE", one, status=404, message="endpoint not found")
    walk.refused("POST", f"{one}/restart", status=404, message="endpoint not found")


def to_come(walk: Walk, branch: str, project: str) -> None:
    for route in table_of_routes():
        if route.is_to_come:
            path = route.path.replace("/projects/{project_id}/branches/{branch_id}", branch)
            path = path.replace("/projects/{project_id}", project).replace("{snapshot_id}", "snap-1")
            walk.refused(route.method, path, status=501, message="not available")


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


def test_platform_tells_of_itself(platform_wire: Any) -> None:
    key = {"Authorization": f"Bearer {platform_wire.key}"}
    told = platform_wire.bare("GET", "/_local/diagnose", headers=key).json

    assert told["version"] == platform_wire.bare("GET", "/_local/health").json["version"]
    assert told["http_port"] == platform_wire.port and told["pg_port"] > 0
    assert [each["is_default"] for each in told["postgres"]].count(True) == 1
    assert told["storage"] in ("copy", "reflink")
    assert 0 < told["disk_free_bytes"] < told["disk_total_bytes"]
    assert platform_wire.key not in str(told)
