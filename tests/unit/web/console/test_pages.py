"""What the pages show and do, over a control plane of lists: what was asked for, and names that are attacks."""

import html
import re
from urllib.parse import quote

import pytest

from dormouse.control import model
from dormouse.control.points import AtLsn, AtTime
from dormouse.errors import RuleViolation
from dormouse.web.console.sections import SECTIONS
from fix_console import Visitor

ATTACK = "<img src=x onerror=alert(1)>'&<script>x"
"""What the API takes for a name: it is harmless to Postgres, and to pages that escape it."""


class Place:
    """A project with its first branch, as the pages name them."""

    def __init__(self, visitor: Visitor, **fields: str) -> None:
        self.visitor = visitor
        self.path = visitor.create_project(**{"name": "shop", **fields})
        state = visitor.plane.state
        self.project = state.projects[-1].id
        self.branch = state.branches[-1].id
        self.endpoint = state.endpoints[-1].id
        self.role = state.roles[-1]

    def pages(self) -> list[str]:
        """Every page that one reaches by a link, filled in."""
        found = [page.path for section in SECTIONS for page in section.pages if page.method == "GET"]
        given = {"project_id": self.project, "branch_id": self.branch, "endpoint_id": self.endpoint}
        return [
            path.format(**given)
            for path in found
            if not path.endswith(("/size", "/tree", "/live", "/rows", "/structure", "/snippet"))
        ]


@pytest.fixture
def place(visitor: Visitor) -> Place:
    return Place(visitor)


def test_every_page_tells_four_ways_to_do_the_same(place: Place) -> None:
    for path in place.pages():
        text = place.visitor.get(path).text
        ways = re.findall(r"<section><h2>([^<]+)</h2><pre tabindex=\"0\"><code>([^<]+)</code>", text)

        assert [name for name, _ in ways] == ["On the command line", "By the API", "With neonctl", "In Django"], (
            path
        )
        command, api, neonctl, django = (html.unescape(way) for _, way in ways)
        assert command.startswith(("dormouse ", "eval ")), path
        assert api.startswith("curl "), path
        assert "neonctl" in neonctl, path
        assert django, path


def test_every_page_has_one_heading_and_its_place(place: Place) -> None:
    for path in place.pages():
        text = place.visitor.get(path).text

        assert text.count("<h1>") == 1, path
        assert text.count('aria-current="page"') >= 1, path
        assert "· Dormouse</title>" in text, path


def test_no_page_shows_a_secret_unasked(place: Place) -> None:
    for path in place.pages():
        assert place.role.password not in place.visitor.get(path).text, path


def test_names_that_are_attacks_are_names(visitor: Visitor) -> None:
    place = Place(visitor, name=ATTACK, database_name=ATTACK, role_name="<b>'role")
    visitor.post(f"{place.path}/branches", name=ATTACK, compute="yes")
    visitor.post(f"{place.path}/roles", role=ATTACK)
    visitor.post(f"{place.path}/databases", name=ATTACK + "2", owner="<b>'role")
    visitor.post(f"{place.path}/computes/{place.endpoint}/update", name=ATTACK, min_cu="0.25", max_cu="0.25")
    visitor.post("/api-keys", name=ATTACK)
    state = visitor.plane.state
    assert len(state.roles) == 3, "the role of each branch, and ours"
    assert [each.name for each in state.endpoints if each.name] == [ATTACK]

    for path in [*place.pages(), f"{place.path}/branches/{state.branches[-1].id}"]:
        answer = visitor.get(path)
        assert answer.status == 200, path
        assert "<img src=x" not in answer.text, path
        assert "<script>x" not in answer.text, path
        assert "<b>'role" not in answer.text, path
    shown = visitor.get(f"{place.path}/branches").text + visitor.get(f"{place.path}/roles").text
    assert html.escape(ATTACK, quote=False).replace("'", "&#39;") in shown


@pytest.mark.parametrize("name", ['a"b', "a;b", "a\\b", "a\tb", "../x", "x" * 300])
def test_names_that_the_api_refuses_are_refused(place: Place, name: str) -> None:
    visitor, state = place.visitor, place.visitor.plane.state

    assert visitor.post("/projects", name=name).status == 400
    assert visitor.post(f"{place.path}/branches", name=name).status == 400
    visitor.post(f"{place.path}/roles", role=name)
    visitor.post(f"{place.path}/databases", name=name, owner=place.role.name)
    visitor.post("/api-keys", name=name)
    assert (len(state.projects), len(state.branches), len(state.roles), len(state.databases)) == (1, 1, 1, 1)
    assert state.keys == []


def test_a_new_project_is_there_when_its_page_is(place: Place) -> None:
    said = place.visitor.get(place.path).said

    assert "Project “shop” is ready." in said
    assert "DATABASE_URL=postgresql://neondb_owner:********@ep-" in said
    assert "Project “shop” is ready." not in place.visitor.get(place.path).said


def test_what_was_chosen_for_a_project_is_made(visitor: Visitor) -> None:
    Place(visitor, pg_version="17", region_id="aws-eu-central-1", database_name="books", role_name="anna")
    state = visitor.plane.state

    assert (state.projects[0].pg_version, state.projects[0].region_id) == (17, "aws-eu-central-1")
    assert (state.databases[0].name, state.databases[0].owner_name) == ("books", "anna")


def test_only_versions_that_are_here_are_offered(visitor: Visitor) -> None:
    text = visitor.get("/projects/new").text

    assert re.findall(r'<option value="(\d+)"', text) == ["17"]


def test_projects_are_listed_with_their_state(place: Place) -> None:
    place.visitor.post(f"{place.path}/computes/{place.endpoint}/suspend")
    said = place.visitor.get("/projects").said

    assert "shop asleep Postgres 17 Branches 1" in said
    assert place.visitor.get(f"{place.path}/size").said == "4.1 kB"
    assert "On disk 4.1 kB" in place.visitor.get("/projects?sizes=yes").said


@pytest.mark.parametrize(
    ("bind", "is_told"), [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True)]
)
def test_an_address_that_others_reach_is_told(bind: str, is_told: bool) -> None:
    said = Visitor(bind=bind).enter().get("/projects").said

    assert ("others on your network reach it" in said) is is_told


def test_a_project_goes_when_its_name_is_typed_and_comes_back(place: Place) -> None:
    visitor = place.visitor
    visitor.post(f"{place.path}/delete", name="shap")
    assert "type its name, shop" in visitor.get(f"{place.path}/settings").said

    assert visitor.post(f"{place.path}/delete", name="shop").headers["location"] == "/projects"
    assert "Gone for good" in visitor.get("/projects").said
    assert visitor.get(place.path).status == 404

    visitor.post(f"{place.path}/recover")
    assert visitor.get(place.path).status == 200


def test_settings_of_a_project(place: Place) -> None:
    fields = {"name": "store", "history_hours": "48", "min_cu": "0.5", "max_cu": "2", "suspend": "-1"}
    assert place.visitor.post(f"{place.path}/settings", **fields).status == 303
    (project,) = place.visitor.plane.state.projects

    assert (project.name, project.history_retention_seconds) == ("store", 172800)
    usual = project.default_endpoint_settings
    assert (usual.autoscaling_limit_min_cu, usual.autoscaling_limit_max_cu) == (0.5, 2.0)
    assert usual.suspend_timeout_seconds == -1


def test_the_latency_profile_is_chosen_in_the_settings(place: Place) -> None:
    page = place.visitor.get(f"{place.path}/settings")
    assert '<option value="immediate" selected>' in page.text

    assert place.visitor.post(f"{place.path}/settings/profile", profile="timed").status == 303
    page = place.visitor.get(f"{place.path}/settings")
    assert '<option value="timed" selected>' in page.text
    assert "by the profile “timed” from now on" in page.said

    assert place.visitor.post(f"{place.path}/settings/profile", profile="late").status == 400


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"history_hours": "1000"}, "history retention seconds: input should be less than or equal to 2592000"),
        ({"history_hours": "ever"}, "'ever' is not a number"),
        ({"min_cu": "4", "max_cu": "2"}, "is larger than"),
    ],
)
def test_settings_that_are_refused_are_told(place: Place, fields: dict[str, str], complaint: str) -> None:
    answer = place.visitor.post(f"{place.path}/settings", **{"name": "shop", "suspend": "0", **fields})

    assert answer.status == 400
    assert complaint in answer.said


def test_a_password_is_shown_to_who_asks(place: Place) -> None:
    password = place.role.password
    assert password is not None

    assert password in place.visitor.get(f"{place.path}?show=password").said
    snippet = place.visitor.get(f"{place.path}/snippet?tab=url")
    assert snippet.headers["content-type"].startswith("text/plain")
    assert password in snippet.text


def test_a_password_that_is_not_kept_is_not_shown(place: Place) -> None:
    state = place.visitor.plane.state
    state.projects[0] = model.Project(
        **{each: getattr(state.projects[0], each) for each in model.Project.__slots__} | {"store_passwords": False}
    )

    assert "The password is not kept here" in place.visitor.get(f"{place.path}?show=password").said


def test_a_password_is_reset_and_shown_once(place: Place) -> None:
    visitor = place.visitor
    fields = {"branch": place.branch, "role": place.role.name, "back": "connect"}
    page = visitor.post(f"{place.path}/roles/reset", **fields).headers["location"]
    new = visitor.plane.state.roles[0].password

    assert new != place.role.password
    assert new in visitor.get(page).said
    assert new not in visitor.get(page).said


@pytest.mark.parametrize(
    "query",
    ["?branch=br-none", "?compute=ep-none&database=none&role=none&tab=none&pooled=maybe", "?compute=<b>"],
)
def test_a_choice_that_is_not_there_is_the_usual_one(place: Place, query: str) -> None:
    answer = place.visitor.get(place.path + query)

    if "br-none" in query:
        assert answer.status == 404
    else:
        assert "DATABASE_URL=postgresql://neondb_owner:" in answer.said


def test_a_replica_is_added_and_its_url_is_there(place: Place) -> None:
    visitor = place.visitor
    page = visitor.post(f"{place.path}/computes", branch=place.branch, type="read_only", back="connect")
    replica = visitor.plane.state.endpoints[-1]

    assert replica.type is model.EndpointType.READ_ONLY
    said = visitor.get(page.headers["location"]).said
    assert re.search(rf"DATABASE_REPLICA_URL=postgresql://\S+@{replica.id}\.", said)
    assert "Router" in visitor.get(page.headers["location"] + "&tab=settings").said


@pytest.mark.parametrize("kind", ["read_write", "no_such"])
def test_a_compute_that_cannot_be_is_refused(place: Place, kind: str) -> None:
    page = place.visitor.post(f"{place.path}/computes", branch=place.branch, type=kind)

    assert len(place.visitor.plane.state.endpoints) == 1
    assert 'role="alert"' in place.visitor.get(page.headers["location"]).text


def test_a_compute_is_started_and_suspended(place: Place) -> None:
    visitor, one = place.visitor, f"{place.path}/computes/{place.endpoint}"
    visitor.post(f"{one}/start")
    live = visitor.get(f"{one}/live").said
    assert "ready last wake 48 ms" in live
    assert "Connections 3" in live

    visitor.post(f"{one}/suspend")
    assert "asleep last wake –" in visitor.get(f"{one}/live").said


def test_a_compute_is_changed(place: Place) -> None:
    fields = {"name": "web", "min_cu": "0.5", "max_cu": "1", "suspend": "3600", "disabled": "yes"}
    place.visitor.post(f"{place.path}/computes/{place.endpoint}/update", **fields)
    (one,) = place.visitor.plane.state.endpoints

    assert (one.name, one.autoscaling_limit_min_cu, one.autoscaling_limit_max_cu) == ("web", 0.5, 1.0)
    assert (one.suspend_timeout_seconds, one.disabled) == (3600, True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "delay", "delay_ms": "200"}, "are delayed by 200 ms"),
        ({"kind": "deny", "seconds": "30"}, "refuses new connections for 30 s"),
        ({"kind": "drop"}, "connections to ep-"),
        ({"kind": "drop", "connections": "2"}, "The next 2 connections will be cut"),
        ({"kind": "clear"}, "Nothing goes wrong"),
        ({"kind": "delay"}, "delay needs delay_ms"),
        ({"kind": "delay", "delay_ms": "99999"}, "less than or equal to 60000"),
        ({"kind": "explode"}, "kind: input should be"),
        ({"kind": "deny", "seconds": "never"}, "'never' is not a number"),
    ],
)
def test_faults_on_purpose(place: Place, fields: dict[str, str], said: str) -> None:
    page = place.visitor.post(f"{place.path}/computes/{place.endpoint}/fault", **fields)

    assert said in place.visitor.get(page.headers["location"]).said


def test_a_branch_is_made_of_a_moment(place: Place) -> None:
    fields = {"name": "old", "parent": place.branch, "point": "0/1F00000", "expires": "7d", "compute": "yes"}
    answer = place.visitor.post(f"{place.path}/branches", **fields)
    old = place.visitor.plane.state.branches[-1]

    assert answer.headers["location"] == f"{place.path}/branches/{old.id}"
    assert (old.name, old.parent_id, old.parent_lsn) == ("old", place.branch, "0/1F00000")
    assert old.expires_at is not None
    assert place.visitor.plane.state.endpoints[-1].branch_id == old.id
    assert "from shop" not in place.visitor.get(f"{place.path}/branches").said
    assert "from main at 0/1F00000" in place.visitor.get(f"{place.path}/branches").said


def test_a_branch_of_the_schema_alone(place: Place) -> None:
    place.visitor.post(f"{place.path}/branches", name="empty", schema_only="yes", protected="yes")
    empty = place.visitor.plane.state.branches[-1]

    assert (empty.init_source, empty.protected, empty.parent_id) == ("schema-only", True, None)
    assert len(place.visitor.plane.state.endpoints) == 1, "without a compute, since none was asked for"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"point": "soon"}, "expected -10m"),
        ({"point": "0/1"}, "the earliest LSN that can be restored"),
        ({"point": "-10m", "picked": "2026-12-01T00:00:00"}, "leave one of the two empty"),
        ({"expires": "soon"}, "expected 7d"),
        ({"parent": "br-none"}, "branch not found"),
        ({"name": "main"}, "branch already exists"),
    ],
)
def test_a_branch_that_cannot_be_is_refused_and_what_was_typed_stays(
    place: Place, fields: dict[str, str], complaint: str
) -> None:
    answer = place.visitor.post(f"{place.path}/branches", **{"name": "kept", **fields})

    assert answer.status >= 400
    assert complaint in answer.said
    assert len(place.visitor.plane.state.branches) == 1
    for value in fields.values():
        assert value in answer.text or value == "br-none"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [({"point": "0/1F00000"}, AtLsn), ({"point": "2999-01-01T00:00:00Z"}, None), ({"point": "now"}, AtTime)],
)
def test_a_branch_goes_back(place: Place, fields: dict[str, str], kind: type | None) -> None:
    one = f"{place.path}/branches/{place.branch}"
    before = place.visitor.plane.state.branches[0].incarnation
    answer = place.visitor.post(f"{one}/restore", **fields)
    after = place.visitor.plane.state.branches[0].incarnation

    assert (answer.status == 303) is (kind is not None)
    assert (before != after) is (kind is not None)


def test_what_a_branch_had_is_kept_under_a_name_where_it_must_be(place: Place) -> None:
    place.visitor.post(f"{place.path}/branches/{place.branch}/restore", point="0/1F00000")

    assert place.visitor.plane.state.branches[-1].name.startswith("main_old_2")


def test_what_a_restore_replaced_can_be_brought_back(place: Place) -> None:
    visitor, child, state = place.visitor, child_of(place), place.visitor.plane.state
    one, before = f"{place.path}/branches/{child}", state.branches[-1].incarnation
    state.change("branches", state.branches[-1], state=model.BranchState.READY)
    visitor.post(f"{one}/restore", point="0/1F00000", source=place.branch)
    assert "What it had before a restore" in visitor.get(one).said
    assert "child a restore" in visitor.get(f"{place.path}/branches").said

    visitor.post(f"{one}/undo")

    assert state.branches[-1].incarnation == before


def test_a_restore_wants_a_moment(place: Place) -> None:
    answer = place.visitor.post(f"{place.path}/branches/{place.branch}/restore")

    assert answer.status == 400
    assert "to when?" in answer.said


def test_a_moment_is_offered_by_a_link(place: Place) -> None:
    answer = place.visitor.get(f"{place.path}/branches/{place.branch}?point=-1m")

    assert 'name="point" value="-1m"' in answer.text


def child_of(place: Place) -> str:
    place.visitor.post(f"{place.path}/branches", name="child", compute="yes")
    return str(place.visitor.plane.state.branches[-1].id)


def test_a_child_is_reset_renamed_and_protected(place: Place) -> None:
    visitor, state = place.visitor, place.visitor.plane.state
    one = f"{place.path}/branches/{child_of(place)}"
    before = state.branches[-1].incarnation
    visitor.post(f"{one}/reset")
    assert state.branches[-1].incarnation != before

    visitor.post(f"{one}/update", name="grown", protected="yes")
    assert (state.branches[-1].name, state.branches[-1].protected) == ("grown", True)
    visitor.post(f"{one}/update", name="grown", expires="7d")
    assert (state.branches[-1].protected, state.branches[-1].expires_at is None) == (False, False)
    visitor.post(f"{one}/update", name="grown")
    assert state.branches[-1].expires_at is None


def test_a_root_has_no_parent_to_be_reset_from(place: Place) -> None:
    assert place.visitor.post(f"{place.path}/branches/{place.branch}/reset").status == 400


def test_a_branch_becomes_the_default(place: Place) -> None:
    child = child_of(place)
    place.visitor.post(f"{place.path}/branches/{child}/set_as_default")

    assert [each.id for each in place.visitor.plane.state.branches if each.default] == [child]


def test_a_branch_is_deleted_and_comes_back(place: Place) -> None:
    visitor, child = place.visitor, child_of(place)
    visitor.post(f"{place.path}/branches/{child}/delete")
    assert visitor.get(f"{place.path}/branches/{child}").status == 404
    assert "child its deletion" in visitor.get(f"{place.path}/branches").said

    assert visitor.post(f"{place.path}/branches/{child}/undo").status == 303
    assert visitor.get(f"{place.path}/branches/{child}").status == 200


def test_what_the_rules_forbid_is_said_where_it_was_asked(place: Place) -> None:
    answer = place.visitor.post(f"{place.path}/branches/{place.branch}/delete")

    assert answer.status == 422
    assert "default branch" in answer.said


def test_a_tree_in_which_something_is_made_looks_for_news(place: Place) -> None:
    child_of(place)
    assert 'hx-trigger="every 1s"' in place.visitor.get(f"{place.path}/branches/tree").text

    state = place.visitor.plane.state
    for each in list(state.branches):
        state.change("branches", each, state=model.BranchState.READY)
    assert 'hx-trigger="load"' in place.visitor.get(f"{place.path}/branches/tree").text
    assert "hx-trigger" not in place.visitor.get(f"{place.path}/branches/tree?sizes=yes").text


def test_sizes_are_looked_for_when_the_tree_stands_there_already(place: Place) -> None:
    assert "of its own" not in place.visitor.get(f"{place.path}/branches").said
    assert "4.1 kB of its own" in place.visitor.get(f"{place.path}/branches?sizes=yes").said


def test_roles_come_and_go(place: Place) -> None:
    visitor, state = place.visitor, place.visitor.plane.state
    page = visitor.post(f"{place.path}/roles", branch=place.branch, role="anna").headers["location"]
    anna = state.roles[-1]
    assert f"Its password: {anna.password}" in visitor.get(page).said
    visitor.post(f"{place.path}/roles", branch=place.branch, role="group", no_login="yes")
    assert state.roles[-1].password is None

    visitor.post(f"{place.path}/roles/delete", branch=place.branch, role="anna")
    assert [each.name for each in state.roles] == [place.role.name, "group"]
    page = visitor.post(f"{place.path}/roles/delete", branch=place.branch, role=place.role.name).headers[
        "location"
    ]
    assert "role owns a database" in visitor.get(page).said


def test_databases_come_change_and_go(place: Place) -> None:
    visitor, state = place.visitor, place.visitor.plane.state
    visitor.post(f"{place.path}/databases", branch=place.branch, name="books", owner=place.role.name)
    assert state.databases[-1].name == "books"
    fields = {"branch": place.branch, "database": "books", "name": "library", "owner": place.role.name}
    visitor.post(f"{place.path}/databases/update", **fields)
    assert state.databases[-1].name == "library"

    visitor.post(f"{place.path}/databases/delete", branch=place.branch, database="library")
    assert [each.name for each in state.databases] == ["neondb"]


def test_operations_are_listed_the_newest_first(place: Place) -> None:
    place.visitor.post(f"{place.path}/computes/{place.endpoint}/suspend")
    said = place.visitor.get(f"{place.path}/operations/rows").said

    assert said.index("Suspend compute") < said.index("Create timeline")
    assert f"main {place.endpoint} running –" in said


def test_a_key_is_shown_once_and_revoked(visitor: Visitor) -> None:
    visitor.post("/api-keys", name="ci")
    ((key, secret),) = visitor.plane.state.keys

    assert secret in visitor.get("/api-keys").said
    assert secret not in visitor.get("/api-keys").said
    visitor.post(f"/api-keys/{key.id}/revoke")
    assert visitor.plane.state.keys == []
    visitor.post(f"/api-keys/{key.id}/revoke")
    assert "API key not found" in visitor.get("/api-keys").said


@pytest.mark.parametrize("key", ["x", "-1", "1e9", "9" * 30, quote("<b>")])
def test_a_key_that_cannot_be(visitor: Visitor, key: str) -> None:
    visitor.post(f"/api-keys/{key}/revoke")

    assert 'role="alert"' in visitor.get("/api-keys").text


def test_a_refusal_of_the_plane_is_said_and_nothing_is_half_done(place: Place) -> None:
    place.visitor.plane.state.fail_with = RuleViolation("the project is busy")
    answer = place.visitor.request("POST", f"{place.path}/roles", b"csrf=" + place.visitor.csrf().encode())

    assert answer.status == 422
    assert "the project is busy" in answer.said
