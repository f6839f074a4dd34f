"""Every action of the console, sent by a browser that runs no script; and none is left out."""

import re
from dataclasses import dataclass, field

import psycopg
import pytest
from fix_platform import Platform, rows, wait_until
from playwright.sync_api import Locator, Page, expect

from dormouse.names import ProjectId
from dormouse.web.console.sections import SECTIONS

from .conftest import Enter

ACTIONS = {page.path for section in SECTIONS for page in section.pages if page.method == "POST"} | {"/leave"}


@dataclass
class Hand:
    """Fills in the forms of a page and sends them; keeps in mind which were sent."""

    page: Page
    ids: dict[str, str] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)

    def send(self, action: str, said: str = "", /, *, hidden: str = "", button: str = "", **fields: str) -> None:
        """The form of this action, of several the one with `hidden` (name=value); the next page says `said`."""
        form = self.page.locator(f'form[action="{action.format(**self.ids)}"]')
        if hidden:
            name, _, value = hidden.partition("=")
            form = form.filter(has=self.page.locator(f'input[name="{name}"][value="{value}"]'))
        form = form.first
        for fold in form.locator("xpath=ancestor::details").all():
            if fold.get_attribute("open") is None:
                fold.locator("> summary").click()
        for name, value in fields.items():
            _fill(form.locator(f'[name="{name}"]:not([type="hidden"])').last, value)
        buttons = form.get_by_role("button", name=button) if button else form.get_by_role("button")
        buttons.last.click()
        if said:
            expect(self.page.get_by_role("status").first).to_contain_text(said)
        self.sent.add(action)

    def open(self, path: str) -> None:
        self.page.goto(path.format(**self.ids))


def _fill(control: Locator, value: str) -> None:
    kind = control.evaluate("element => element.type")
    if kind == "select-one":
        control.select_option(value)
    elif kind in ("checkbox", "radio"):
        control.set_checked(value == "yes")
    else:
        control.fill(value)


@pytest.fixture
def hand(enter: Enter) -> Hand:
    page = enter(java_script_enabled=False)
    page.goto("/projects/new")
    return Hand(page)


@pytest.mark.timeout(300)
def test_every_action_works_without_javascript(hand: Hand, platform: Platform) -> None:
    page = hand.page

    hand.send("/projects", "Project “by-hand” is ready.", name="by-hand")
    project = ProjectId(re.findall(r"/projects/([\w-]+)", page.url)[0])
    hand.ids = {"project_id": project}
    (branch,) = platform.client.branches(project).branches
    (primary,) = platform.client.endpoints(project)

    _computes(hand, platform, primary.id)
    _branches(hand, platform, branch.id)
    _roles_and_databases(hand)

    hand.open("/projects/{project_id}/sql")
    hand.send("/projects/{project_id}/sql", statement="SELECT 40 + 2", button="Run")
    expect(page.get_by_role("cell", name="42")).to_be_visible()
    hand.send("/projects/{project_id}/sql/forget", "is forgotten")

    hand.open("/api-keys")
    hand.send("/api-keys", "shown this once", name="ci")
    expect(page.get_by_role("status").first).to_contain_text("napi_")
    hand.ids["key_id"] = str(next(each.id for each in platform.client.api_keys() if each.name == "ci"))
    hand.send("/api-keys/{key_id}/revoke", "opens nothing any more")

    hand.open("/projects/{project_id}/settings")
    hand.send("/projects/{project_id}/settings", "Project “kept” is changed.", name="kept", history_hours="48")
    hand.send("/projects/{project_id}/settings/profile", "by the profile “timed”", profile="timed")
    hand.send("/projects/{project_id}/settings/profile", "by the profile “immediate”", profile="immediate")
    assert platform.client.diagnose().operations == "immediate"
    hand.send("/projects/{project_id}/delete", "Project “kept” is deleted.", name="kept")
    hand.send("/projects/{project_id}/recover", "Project “kept” is back")
    assert platform.client.project(project).history_retention_seconds == 48 * 3600

    hand.send("/leave")
    expect(page.get_by_text("dormouse open")).to_be_visible()
    page.goto("/projects")
    expect(page.get_by_role("heading", level=1)).to_have_text("The console is closed here")

    assert hand.sent == ACTIONS


def _computes(hand: Hand, platform: Platform, primary: str) -> None:
    one = "/projects/{project_id}/computes/{endpoint_id}"
    hand.open("/projects/{project_id}/computes")
    hand.send("/projects/{project_id}/computes", "is on its way")
    found = platform.client.endpoints(ProjectId(hand.ids["project_id"]))
    replica = next(each.id for each in found if each.id != primary)

    hand.ids["endpoint_id"] = primary
    hand.send(f"{one}/start", f"{primary} wakes")
    hand.send(f"{one}/fault", "are delayed by 5 ms", hidden="kind=delay", delay_ms="5")
    hand.send(f"{one}/fault", "refuses new connections for 9 s", hidden="kind=deny", seconds="9")
    hand.send(f"{one}/fault", "Nothing goes wrong", hidden="kind=clear")
    hand.send(f"{one}/fault", "0 connections to", hidden="kind=drop")
    hand.send(f"{one}/fault", "was killed", hidden="kind=kill")
    hand.send(f"{one}/restart", "starts anew")
    hand.send(f"{one}/suspend", "falls asleep")
    hand.send(f"{one}/update", "is changed", name="main one", suspend="-1")

    hand.ids["endpoint_id"] = replica
    hand.send(f"{one}/delete", f"{replica} is gone")
    expect(hand.page.get_by_role("region", name="Read replica")).to_have_count(0)


def _branches(hand: Hand, platform: Platform, main: str) -> None:
    project = ProjectId(hand.ids["project_id"])
    one = "/projects/{project_id}/branches/{branch_id}"
    hand.open("/projects/{project_id}/branches/new")
    hand.send("/projects/{project_id}/branches", name="feature", compute="yes")
    expect(hand.page.get_by_role("heading", level=1)).to_have_text("feature")
    branch = next(each for each in platform.client.branches(project).branches if each.name == "feature")
    hand.ids["branch_id"] = branch.id
    url = platform.client.connection_uri(project, database="neondb", role="neondb_owner", branch=branch.id)
    rows(url, "CREATE TABLE note (text text); SELECT")
    hand.open(one)
    hand.send(f"{one}/reset", "gets the data of its parent")
    wait_until(lambda: rows(url, "SELECT to_regclass('note')") == [(None,)], "it has what its parent has")

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE note (text text)")
        found = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        connection.execute("INSERT INTO note VALUES ('a mistake')")
    count = "SELECT count(*) FROM note"

    hand.open(one)
    hand.send(f"{one}/restore", "can be brought back: Undo", point=str(found[0]) if found else "")
    wait_until(lambda: rows(url, count) == [(0,)], "the mistake is gone")
    hand.open(one)
    hand.send(f"{one}/undo", "has again what it had")
    wait_until(lambda: rows(url, count) == [(1,)], "the mistake is back")
    hand.open(one)
    hand.send(f"{one}/update", "Branch “tried” is changed.", name="tried", expires="7d")
    hand.send(f"{one}/update", "is changed", expires="")
    hand.send(f"{one}/set_as_default", "is the default now")

    hand.ids["branch_id"] = main
    hand.open(one)
    hand.send(f"{one}/set_as_default", "is the default now")
    hand.ids["branch_id"] = branch.id
    hand.open(one)
    hand.send(f"{one}/delete", "Branch “tried” is deleted.")


def _roles_and_databases(hand: Hand) -> None:
    roles, databases = "/projects/{project_id}/roles", "/projects/{project_id}/databases"
    hand.open(roles)
    hand.send(roles, "Role “reports” is made. Its password:", role="reports")
    hand.send(f"{roles}/reset", "has a new password", hidden="role=reports")
    hand.open(databases)
    hand.send(databases, "Database “blog” is made.", name="blog", owner="reports")
    hand.send(
        f"{databases}/update",
        "Database “news” is changed.",
        hidden="database=blog",
        name="news",
        owner="neondb_owner",
    )
    hand.send(f"{databases}/delete", "Database “news” is deleted.", hidden="database=news")
    hand.open(roles)
    hand.send(f"{roles}/delete", "Role “reports” is deleted.", hidden="role=reports")
