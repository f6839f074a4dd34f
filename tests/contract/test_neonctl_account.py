"""neonctl 5.0.1 on the account and its projects: me, orgs, api-keys, projects, ip-allow, operations, api."""

import json
from collections.abc import Iterator

import pytest
from fix_clients import Neonctl, asked
from fix_platform import Platform, wait_until

from dormouse.names import ProjectId

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(60)]

ORGANIZATION = "org-dormouse-local-00000000"


@pytest.fixture(scope="module")
def project(neonctl: Neonctl) -> str:
    """A project that stays for the tests of this module."""
    made = neonctl.json("projects", "create", "--name", "shop")
    return str(made["project"]["id"])


@pytest.fixture
def one_more(neonctl: Neonctl) -> Iterator[str]:
    """A project of a test's own, with no compute awake afterwards."""
    made = neonctl.json("projects", "create", "--name", "short-lived")["project"]["id"]
    yield made
    left = [each["id"] for each in neonctl.json("projects", "list")["projects"]]
    if made in left:
        neonctl("projects", "delete", made)


def test_me(neonctl: Neonctl) -> None:
    assert neonctl("me").facts["Email"] == "owner@dormouse.localhost"
    assert neonctl.json("me")["login"] == "owner"


def test_a_wrong_key_is_told_in_neonctls_words(neonctl: Neonctl) -> None:
    said = neonctl("me", code=1, NEON_API_KEY="napi_wrong")

    assert "Authentication failed: the Neon API rejected the API key" in said.err


def test_orgs_list(neonctl: Neonctl) -> None:
    assert ORGANIZATION in neonctl("orgs", "list").column("Id")
    assert [each["id"] for each in neonctl.json("orgs", "list")] == [ORGANIZATION]


def test_api_keys_are_listed_made_used_and_revoked(neonctl: Neonctl) -> None:
    made = neonctl.json("api-keys", "create", "--name", "of a test")
    assert made["key"].startswith("napi_")

    listed = neonctl("api-keys", "list")
    assert "of a test" in listed.out
    assert made["key"] not in listed.out + json.dumps(neonctl.json("api-keys", "list"))
    assert neonctl("me", NEON_API_KEY=made["key"]).facts["Login"] == "owner"

    neonctl("api-keys", "revoke", str(made["id"]))
    neonctl("me", code=1, NEON_API_KEY=made["key"])
    assert "of a test" not in neonctl("api-keys", "list").out


def test_projects_list_shows_table_and_json(neonctl: Neonctl, project: str) -> None:
    said = neonctl("projects", "list")
    listed = neonctl.json("projects", "list")

    assert project in said.column("Id")
    assert "shop" in said.column("Name")
    assert project in [each["id"] for each in listed["projects"]]
    assert listed["shared_with_you"] == []
    assert project in neonctl("projects", "list", "--org-id", ORGANIZATION).column("Id")


def test_projects_create_says_how_to_connect_and_that_is_true(neonctl: Neonctl) -> None:
    said = neonctl("projects", "create", "--name", "by table")
    made = said.facts["Id"]
    uri = next(line for line in said.out.splitlines() if line.startswith("postgresql://"))

    try:
        assert said.facts["Name"] == "by table"
        assert asked(uri, "SELECT current_user, current_database()") == [("neondb_owner", "neondb")]
    finally:
        neonctl("projects", "delete", made)


def test_projects_create_takes_its_flags(neonctl: Neonctl) -> None:
    flags = ("--database", "books", "--role", "anna", "--cu", "0.5-2", "--org-id", ORGANIZATION)
    made = neonctl.json("projects", "create", "--region-id", "aws-us-east-2", *flags)
    project = made["project"]

    try:
        assert project["name"] == project["id"]
        assert project["default_endpoint_settings"]["autoscaling_limit_min_cu"] == 0.5
        assert project["default_endpoint_settings"]["autoscaling_limit_max_cu"] == 2
        uri = made["connection_uris"][0]["connection_uri"]
        assert asked(uri, "SELECT current_user, current_database()") == [("anna", "books")]
    finally:
        neonctl("projects", "delete", project["id"])


def test_projects_create_keeps_secrets_to_itself_when_asked(neonctl: Neonctl) -> None:
    said = neonctl("projects", "create", "--name", "quiet", "--no-secrets", "--output", "json")

    assert "npg_" not in said.out
    neonctl("projects", "delete", json.loads(said.out)["project"]["id"])


def test_projects_create_pins_the_project_and_opens_psql(neonctl: Neonctl) -> None:
    folder = neonctl.elsewhere(neonctl.folder / "pinned")
    said = folder("projects", "create", "--set-context", "--psql", "--", "-At", "-c", "SELECT 41 + 1")
    made = json.loads(folder.read(".neon"))["projectId"]

    assert "42" in said.out.splitlines()
    assert folder("branches", "list").column("Name") == ["[default] main"]
    neonctl("projects", "delete", made)


def test_projects_get(neonctl: Neonctl, project: str) -> None:
    facts = neonctl("projects", "get", project).facts
    found = neonctl.json("projects", "get", project)

    assert (facts["Id"], facts["Name"], facts["Region Id"]) == (project, "shop", "aws-us-east-2")
    assert found["id"] == project
    assert found["owner"]["email"] == "owner@dormouse.localhost"


def test_a_project_that_is_not_there_is_told(neonctl: Neonctl) -> None:
    for command in ("get", "update", "delete", "recover"):
        more = ("--name", "x") if command == "update" else ()
        said = neonctl("projects", command, "no-such-12345678", *more, code=1)
        assert "project not found" in said.err


def test_projects_update(neonctl: Neonctl, one_more: str) -> None:
    renamed = neonctl("projects", "update", one_more, "--name", "other").facts
    resized = neonctl.json("projects", "update", one_more, "--cu", "1", "--block-public-connections=false")

    assert renamed["Name"] == "other"
    assert resized["name"] == "other"
    assert resized["default_endpoint_settings"]["autoscaling_limit_max_cu"] == 1


def test_projects_update_turns_logical_replication_on_for_good(neonctl: Neonctl, one_more: str) -> None:
    said = neonctl.json("projects", "update", one_more, "--enable-logical-replication", "--yes")

    assert said["settings"]["enable_logical_replication"] is True


def test_projects_delete_and_recover(neonctl: Neonctl, one_more: str) -> None:
    uri = neonctl("cs", "--project-id", one_more).out.strip()
    asked(uri, "CREATE TABLE kept AS SELECT 7 AS n")

    assert neonctl("projects", "delete", one_more).facts["Id"] == one_more
    assert one_more not in [each["id"] for each in neonctl.json("projects", "list")["projects"]]
    neonctl("projects", "get", one_more, code=1)
    lost = neonctl("projects", "list", "--recoverable-only")
    assert one_more in lost.out
    assert "Recoverable Until" in lost.out

    assert neonctl("projects", "recover", one_more).facts["Id"] == one_more
    assert asked(uri, "SELECT n FROM kept") == [(7,)]


def test_ip_allow(neonctl: Neonctl, one_more: str) -> None:
    here = ("--project-id", one_more)
    assert neonctl("ip-allow", "list", *here).facts["IP Addresses"] == ""

    neonctl("ip-allow", "add", "192.168.1.1", "192.168.1.2", *here)
    added = neonctl("ip-allow", "list", *here)
    assert "192.168.1.1" in added.out
    assert "192.168.1.2" in added.out

    neonctl("ip-allow", "remove", "192.168.1.1", *here)
    assert neonctl.json("ip-allow", "list", *here)["IP_addresses"] == ["192.168.1.2"]

    neonctl("ip-allow", "add", "10.0.0.0/8", "--protected-only", *here)
    assert neonctl("ip-allow", "list", *here).facts["Protected Branches Only"] == "true"

    neonctl("ip-allow", "reset", *here)
    assert neonctl.json("ip-allow", "list", *here)["IP_addresses"] == []
    neonctl("ip-allow", "reset", "172.16.0.1", *here)
    assert neonctl.json("ip-allow", "list", *here)["IP_addresses"] == ["172.16.0.1"]


def test_operations_list(neonctl: Neonctl, served: Platform, project: str) -> None:
    def are_done() -> bool:
        operations = served.client.operations(ProjectId(project)).operations
        return all(each.status == "finished" for each in operations)

    wait_until(are_done, "the operations are finished")
    said = neonctl("operations", "list", "--project-id", project)
    listed = neonctl.json("operations", "list", "--project-id", project, "--limit", "1")

    assert {"create_timeline", "start_compute"} <= set(said.column("Action"))
    assert set(said.column("Status")) == {"finished"}
    assert [each["id"] for each in listed] == said.column("Id")[:1]


def test_several_projects_need_a_choice(neonctl: Neonctl, project: str, one_more: str) -> None:
    said = neonctl("branches", "list", code=1)

    assert "Multiple projects found, please provide one with the --project-id option" in said.err


def test_api_reads_and_writes(neonctl: Neonctl, project: str) -> None:
    one = f"/projects/{project}"
    assert json.loads(neonctl("api", one).out)["project"]["id"] == project
    whole = neonctl("api", "/projects", "-Q", "limit=1", "-i").out
    assert whole.startswith("HTTP 200 OK")
    assert "x-neon-ret-request-id: " in whole

    changed = neonctl("api", one, "-X", "PATCH", "-F", "project.history_retention_seconds=3600")
    assert json.loads(changed.out)["project"]["history_retention_seconds"] == 3600
    back = neonctl("api", one, "-X", "PATCH", "-d", '{"project": {"history_retention_seconds": 86400}}')
    assert json.loads(back.out)["project"]["history_retention_seconds"] == 86400


def test_api_says_what_is_not_served(neonctl: Neonctl) -> None:
    said = neonctl("api", "/no/such/route", code=1)

    assert "this route does not exist" in said.out + said.err
