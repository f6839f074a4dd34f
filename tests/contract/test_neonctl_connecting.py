"""neonctl 5.0.1 on the way to a connection: connection-string, psql, inspect, link, checkout, env pull, status."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from dotenv import dotenv_values
from fix_clients import Neonctl, asked
from fix_platform import Platform

from dormouse.api.bodies import EndpointCreate
from dormouse.names import BranchId, ProjectId

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(60)]

ORGANIZATION = "org-dormouse-local-00000000"
# `env pull` looks for what Neon sells beside Postgres; this alone may it miss aloud.
KNOWN_WARNING = "Could not reach the AI Gateway's credentials"


@pytest.fixture(scope="module")
def project(served: Platform, neonctl: Neonctl) -> ProjectId:
    """One with a replica, a branch `dev`, and a table that says where one is."""
    made = neonctl.json("projects", "create", "--name", "pages")
    project = ProjectId(made["project"]["id"])
    asked(made["connection_uris"][0]["connection_uri"], "CREATE TABLE place AS SELECT 'here' AS name")
    (main,) = served.client.branches(project).branches
    served.client.create_endpoint(project, EndpointCreate(branch_id=BranchId(main.id), type="read_only"))
    neonctl("branches", "create", "--name", "dev", "--project-id", project)
    return project


@pytest.fixture(scope="module")
def pages(neonctl: Neonctl, project: ProjectId) -> Neonctl:
    """The command in a folder that is linked to the project."""
    folder = neonctl.elsewhere(neonctl.folder / "pages")
    folder("set-context", "--project-id", project)
    return folder


@pytest.fixture
def folder(neonctl: Neonctl, tmp_path: Path) -> Neonctl:
    """The command in an empty folder."""
    return neonctl.elsewhere(tmp_path / "site")


def uri_of(pages: Neonctl, *flags: str) -> str:
    return pages("connection-string", *flags).out.strip()


def query_of(uri: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(uri).query).items()}


def test_connection_string_connects(pages: Neonctl) -> None:
    uri = uri_of(pages)

    assert query_of(uri) == {"sslmode": "require", "channel_binding": "require"}
    assert re.fullmatch(r"ep-[a-z]+-[a-z]+-[a-z0-9]{8}\.dormouse\.localhost", urlsplit(uri).hostname or "")
    assert asked(uri, "SELECT name, pg_is_in_recovery() FROM place") == [("here", False)]


@pytest.mark.parametrize("branch", ["main", "dev"])
def test_connection_string_of_a_branch_by_name_and_by_id(pages: Neonctl, branch: str) -> None:
    by_name = uri_of(pages, branch)
    by_id = uri_of(pages, pages.json("branches", "get", branch)["id"])

    assert by_name == by_id
    assert asked(by_name, "SELECT name FROM place") == [("here",)]


def test_connection_string_of_branches_differ(pages: Neonctl) -> None:
    assert uri_of(pages, "main") == uri_of(pages)
    assert urlsplit(uri_of(pages, "dev")).hostname != urlsplit(uri_of(pages)).hostname


def test_connection_string_of_the_pooler(pages: Neonctl) -> None:
    direct, pooled = uri_of(pages), uri_of(pages, "--pooled")

    host, _, suffix = (urlsplit(direct).hostname or "").partition(".")
    assert urlsplit(pooled).hostname == f"{host}-pooler.{suffix}"
    assert asked(pooled, "SELECT name FROM place") == [("here",)]


def test_connection_string_for_prisma(pages: Neonctl) -> None:
    direct, pooled = uri_of(pages, "--prisma"), uri_of(pages, "--prisma", "--pooled")

    assert query_of(direct)["connect_timeout"] == "30"
    assert query_of(pooled)["pgbouncer"] == "true"
    assert asked(direct) == [(1,)]


def test_connection_string_with_each_way_of_tls(pages: Neonctl, served: Platform) -> None:
    assert query_of(uri_of(pages, "--ssl", "omit")) == {}
    for mode in ("require", "verify-ca", "verify-full"):
        uri = uri_of(pages, "--ssl", mode)
        assert query_of(uri)["sslmode"] == mode
        assert asked(uri, sslrootcert=str(served.ca)) == [(1,)]


def test_connection_string_of_each_type_of_endpoint(pages: Neonctl) -> None:
    primary = uri_of(pages, "--endpoint-type", "read_write")
    replica = uri_of(pages, "--endpoint-type", "read_only")

    assert primary == uri_of(pages)
    assert asked(replica, "SELECT name, pg_is_in_recovery() FROM place") == [("here", True)]
    said = pages("connection-string", "dev", "--endpoint-type", "read_only", code=1)
    assert "No read_only endpoint found for the branch: br-" in said.err


def test_connection_string_of_a_role_and_a_database(pages: Neonctl) -> None:
    pages("branches", "create", "--name", "two of each")
    pages("roles", "create", "--name", "writer", "--branch", "two of each")
    pages("databases", "create", "--name", "notes", "--owner-name", "writer", "--branch", "two of each")

    both = uri_of(pages, "two of each", "--role-name", "writer", "--database-name", "notes")
    assert asked(both, "SELECT current_user, current_database()") == [("writer", "notes")]
    refused = pages("connection-string", "two of each", "--database-name", "notes", code=1)
    assert "--role-name" in refused.err
    refused = pages("connection-string", "two of each", "--role-name", "writer", code=1)
    assert "--database-name" in refused.err
    refused = pages(
        "connection-string", "two of each", "--role-name", "nobody", "--database-name", "notes", code=1
    )
    assert refused.err.startswith("ERROR: ")


def test_connection_string_in_its_parts(pages: Neonctl) -> None:
    facts = pages("connection-string", "--extended").facts
    parts = pages.json("connection-string", "--extended")

    assert (facts["Role"], facts["Database"]) == ("neondb_owner", "neondb")
    assert parts["connection_string"] == uri_of(pages) == uri_of(pages, "--output", "json")
    assert parts["password"].startswith("npg_")
    assert parts["host"].startswith("ep-")


def test_connection_string_of_a_branch_that_is_not_there(pages: Neonctl) -> None:
    assert "Branch nope not found." in pages("connection-string", "nope", code=1).err


def test_connection_string_runs_psql(pages: Neonctl) -> None:
    said = pages("connection-string", "--psql", "--", "-At", "-c", "SELECT name FROM place")

    assert said.out.splitlines()[-1] == "here"


def test_psql(pages: Neonctl) -> None:
    query = ("--", "-At", "-c", "SELECT name, pg_is_in_recovery() FROM place")

    assert pages("psql", *query).out.strip() == "here|f"
    assert pages("psql", "dev", "--role-name", "neondb_owner", "--database-name", "neondb", *query).code == 0
    assert pages("psql", "--pooled", *query).out.strip() == "here|f"
    assert pages("psql", "--endpoint-type", "read_only", *query).out.strip() == "here|t"
    assert pages("psql", "--", "-c", "SELECT no_such_column", code=1).err.count("ERROR:") >= 1


def test_psql_as_neonctl_brings_it(pages: Neonctl) -> None:
    said = pages("psql", "--", "-At", "-c", "SELECT name FROM place", NEONCTL_PSQL_FALLBACK="1")

    assert "here" in said.out


@pytest.mark.parametrize(
    ("view", "shown"), [("table-sizes", "place"), ("seq-scans", "place"), ("index-sizes", ""), ("locks", "")]
)
def test_inspect(pages: Neonctl, view: str, shown: str) -> None:
    assert shown in pages("inspect", "db", view, "--branch", "main").out


def test_link_names_what_there_is_to_choose(folder: Neonctl, project: ProjectId) -> None:
    folder("projects", "create", "--name", "another")

    said = folder("link", "-y", code=1)

    assert project in said.out + said.err
    assert "--project-id" in said.out + said.err


def test_link_pins_a_project_and_pulls(folder: Neonctl, project: ProjectId) -> None:
    said = folder("link", "--project-id", project, "--branch", "dev")

    context = json.loads(folder.read(".neon"))
    assert context == {"orgId": ORGANIZATION, "projectId": project, "branch": "dev"}
    assert "WARNING" not in said.err
    assert dotenv_values(folder.folder / ".env.local")["NEON_BRANCH"] == "dev"
    assert {".neon", ".env.local"} <= set(folder.read(".gitignore").split())
    assert folder("link", "--clear").code == 0
    assert json.loads(folder.read(".neon")) == {}


def test_link_takes_the_default_branch_when_nobody_asks(folder: Neonctl, project: ProjectId) -> None:
    folder("link", "-y", "--project-id", project, "--no-env-pull")

    assert json.loads(folder.read(".neon"))["branch"] == "main"
    assert not (folder.folder / ".env.local").exists()


def test_link_without_asking_the_server(folder: Neonctl, project: ProjectId) -> None:
    ids = ("--org-id", ORGANIZATION, "--project-id", project, "--branch", "main")

    folder("link", "--no-checks", *ids, NEON_API_HOST="http://127.0.0.1:1/api/v2")

    assert json.loads(folder.read(".neon"))["projectId"] == project


def test_link_makes_a_project(folder: Neonctl) -> None:
    new = ("--project-name", "made by link", "--region-id", "aws-us-east-2")

    folder("link", "--org-id", ORGANIZATION, *new)

    context = json.loads(folder.read(".neon"))
    assert folder.json("projects", "get", context["projectId"])["name"] == "made by link"
    url = dotenv_values(folder.folder / ".env.local")["DATABASE_URL"]
    assert asked(str(url)) == [(1,)]
    folder("projects", "delete", context["projectId"])


def test_link_takes_its_parameters_as_json(folder: Neonctl, project: ProjectId) -> None:
    folder("link", "--params", json.dumps({"orgId": ORGANIZATION, "projectId": project}), "-y", "--no-env-pull")

    assert json.loads(folder.read(".neon"))["projectId"] == project


def test_link_refuses_what_is_not_there(folder: Neonctl, project: ProjectId) -> None:
    assert "not found" in folder("link", "--project-id", "no-such-12345678", code=1).err.lower()
    assert "nope" in folder("link", "--project-id", project, "--branch", "nope", code=1).err


def test_checkout_pins_a_branch(folder: Neonctl, project: ProjectId) -> None:
    folder("link", "-y", "--project-id", project, "--no-env-pull")

    said = folder("checkout", "dev")

    assert json.loads(folder.read(".neon"))["branch"] == "dev"
    assert "WARNING" not in said.err
    assert folder("status", "--current-branch").out.strip() == "dev"
    pulled = dotenv_values(folder.folder / ".env.local")
    assert pulled["DATABASE_URL_UNPOOLED"] is not None
    here = uri_of(folder, "dev", "--role-name", "neondb_owner", "--database-name", "neondb")
    assert urlsplit(pulled["DATABASE_URL_UNPOOLED"]).hostname == urlsplit(here).hostname


def test_checkout_makes_a_branch(folder: Neonctl, project: ProjectId) -> None:
    folder("link", "-y", "--project-id", project, "--no-env-pull")
    folder("checkout", "feature/pages", code=1)

    folder("checkout", "feature/pages", "--create")

    assert json.loads(folder.read(".neon"))["branch"] == "feature/pages"
    made = folder.json("branches", "get", "feature/pages")
    assert made["parent_id"] == folder.json("branches", "get", "main")["id"]
    url = dotenv_values(folder.folder / ".env.local")["DATABASE_URL_UNPOOLED"]
    assert asked(str(url), "SELECT name FROM place") == [("here",)]
    folder("branches", "delete", "feature/pages")


def test_env_pull_writes_three_variables_that_connect(folder: Neonctl, project: ProjectId) -> None:
    folder("link", "-y", "--project-id", project, "--no-env-pull")
    (folder.folder / ".env").write_text("OWN=kept\n")

    said = folder("env", "pull")

    warnings = [line for line in said.err.splitlines() if line.startswith("WARNING")]
    assert [line for line in warnings if KNOWN_WARNING not in line] == []
    pulled = dotenv_values(folder.folder / ".env")
    assert set(pulled) == {"OWN", "DATABASE_URL", "DATABASE_URL_UNPOOLED", "NEON_BRANCH"}
    assert pulled["NEON_BRANCH"] == "main"
    assert "-pooler." in str(pulled["DATABASE_URL"])
    for name in ("DATABASE_URL", "DATABASE_URL_UNPOOLED"):
        assert asked(str(pulled[name]), "SELECT name FROM place") == [("here",)]


def test_env_pull_of_one_branch_into_one_file(folder: Neonctl, project: ProjectId) -> None:
    where = ("--project-id", project, "--branch", "dev", "--file", ".env.dev", "--service", "postgres")

    said = folder("env", "pull", *where)

    assert "WARNING" not in said.err
    assert dotenv_values(folder.folder / ".env.dev")["NEON_BRANCH"] == "dev"


def test_set_context_is_read_by_what_follows(folder: Neonctl, project: ProjectId) -> None:
    said = folder("set-context", "--project-id", project)

    assert "deprecated" in said.err
    assert json.loads(folder.read(".neon")) == {"projectId": project}
    assert "dev" in folder("branches", "list").column("Name")


def test_status(folder: Neonctl, project: ProjectId) -> None:
    folder("status", "--current-branch", code=1)
    folder("link", "-y", "--project-id", project, "--no-env-pull")

    said = folder("status")
    told = folder.json("status")

    assert "WARNING" not in said.err
    assert told["project"]["id"] == project
    assert told["branch"]["name"] == "main"
    assert '"isDefault":true' in said.out.replace(" ", "")
    assert json.loads(folder("status", "--config-json").out) is not None
