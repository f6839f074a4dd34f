"""The console in a browser: the guides' steps by mouse, by keyboard and without JavaScript; for axe; on a phone.

`DORMOUSE_SCREENSHOTS=docs/images make browser ARGS="-k pictures"` writes those of README and docs anew.
"""

import math
import os
import re
import threading
import time
from pathlib import Path

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from fix_platform import Made, Platform, rows, wait_until
from playwright.sync_api import Browser, Page, expect

from dormouse.api.bodies import BranchCreate, BranchEndpoint, ProjectUpdate
from dormouse.web.console.sections import SECTIONS

from .conftest import Enter

SCREENSHOTS = os.environ.get("DORMOUSE_SCREENSHOTS")
SCRIPTS = pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])

SMALL_TARGETS = """
[...document.querySelectorAll("a, button, summary, textarea, select, input:not([type=hidden])")]
  .filter(element => element.checkVisibility() && !element.closest("p, dd, .crumbs, label, .skip, .is-link"))
  .filter(element => element.getBoundingClientRect().height < 24 && !["checkbox", "radio"].includes(element.type))
  .map(element => element.outerHTML)
"""
"""What a finger would miss (WCAG 2.2, 2.5.8; targets in a sentence are excepted), in the page.

The name of a project is a link as large as its card.
"""


@pytest.fixture(scope="session")
def grown(platform: Platform) -> Made:
    """A project with a tree of branches and a replica, some rows, and a past."""
    made = platform.create(replica=True)
    platform.client.update_project(made.project, ProjectUpdate(name="my-site"))
    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE note (id int PRIMARY KEY, text text)")
        connection.execute("INSERT INTO note VALUES (1, 'Hazelnuts')")
    compute = (BranchEndpoint(type="read_write"),)
    parent = platform.client.create_branch(
        made.project, BranchCreate(name="feature-login"), endpoints=compute
    ).branch
    platform.client.create_branch(made.project, BranchCreate(name="staging", protected=True))
    wait_until(
        lambda: all(each.current_state == "ready" for each in platform.client.branches(made.project).branches),
        "the branches are there",
    )
    platform.client.create_branch(made.project, BranchCreate(name="review-42", parent_id=parent.id))
    return made


def pages_of(made: Made) -> dict[str, str]:
    """Every page that is reached by a link, by a short name."""
    given = {"project_id": made.project, "branch_id": made.branch, "endpoint_id": made.primary}
    parts = ("/size", "/tree", "/live", "/rows", "/snippet", "/answer")
    found = {
        f"{section.name} {page.path.rpartition('/')[2]}": page.path.format(**given)
        for section in SECTIONS
        if section.name in OURS
        for page in section.pages
        if page.method == "GET" and not page.path.endswith(parts)
    }
    return {**found, "nothing": "/nothing"}


OURS = {"projects", "keys", "connect", "branches", "computes", "roles", "databases", "operations", "settings"}


def url_in(page: Page, name: str = "DATABASE_URL") -> str:
    """What stands behind `NAME=` on the page, with its password."""
    page.get_by_role("link", name="Show password").click()
    expect(page.get_by_role("link", name="Hide password")).to_be_visible()
    found = re.search(rf"^{name}=(\S+)$", page.locator("#snippet").inner_text(), re.MULTILINE)
    assert found is not None, page.locator("#snippet").inner_text()
    return found[1]


@SCRIPTS
def test_a_newcomer_creates_a_project_and_connects(enter: Enter, script: bool) -> None:
    """G1.1: a name, a version, a region; then the connection string, which works."""
    page = enter(java_script_enabled=script)
    page.get_by_role("link", name="New project").first.click()
    page.get_by_label("Name", exact=True).fill("library")
    page.get_by_label("Region").select_option("aws-eu-central-1")
    page.get_by_role("button", name="Create project").click()

    expect(page.get_by_role("status").first).to_have_text("Project “library” is ready.")
    url = url_in(page)
    assert rows(url, "SELECT current_database()") == [("neondb",)]
    expect(page.get_by_text("DATABASE_REPLICA_URL=")).to_have_count(0)


@SCRIPTS
def test_a_replica_is_added_and_its_url_copied(enter: Enter, platform: Platform, script: bool) -> None:
    """G4.2: add a read replica, copy what Django reads; the replica refuses to be written to."""
    made = platform.create()
    page = enter(java_script_enabled=script)
    page.goto(f"/projects/{made.project}")
    page.get_by_role("button", name="Add read replica").click()

    expect(page.get_by_role("status").first).to_contain_text("The read replica ep-")
    url = url_in(page, "DATABASE_REPLICA_URL")
    assert rows(url, "SELECT pg_is_in_recovery()") == [(True,)]


def test_a_project_and_a_replica_by_keyboard_alone(enter: Enter) -> None:
    page = enter()
    focused = page.locator(":focus")

    def walk_to(name: str) -> None:
        """Tab until that is in focus; each stop shows that it is."""
        for _ in range(60):
            page.keyboard.press("Tab")
            assert focused.evaluate("e => getComputedStyle(e).outlineStyle") != "none"
            if focused.evaluate("e => (e.labels?.[0]?.textContent ?? e.textContent).trim()") == name:
                return
        raise AssertionError(f"no way to {name!r} by keyboard")

    page.keyboard.press("Tab")
    expect(focused).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    walk_to("New project")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("New project")
    walk_to("Name")
    page.keyboard.type("by-hand")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status").first).to_have_text("Project “by-hand” is ready.")
    walk_to("Add read replica")
    page.keyboard.press("Enter")
    expect(page.get_by_text("DATABASE_REPLICA_URL=")).to_be_visible()
    walk_to("How to do this")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="On the command line")).to_be_visible()


def test_the_copy_button_copies_what_the_page_hides(enter: Enter, grown: Made) -> None:
    page = enter(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"/projects/{grown.project}?tab=url")
    expect(page.locator("#snippet")).to_contain_text("********")

    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == grown.url
    assert rows(copied) == [(1,)]


def test_a_choice_takes_effect_by_itself(enter: Enter, grown: Made) -> None:
    page = enter()
    page.goto(f"/projects/{grown.project}?tab=url")
    page.get_by_label("Connection", exact=True).select_option("yes")

    expect(page.locator("#snippet")).to_contain_text(f"{grown.primary}-pooler.")
    page.get_by_label("Compute", exact=True).select_option(grown.replica)
    expect(page.locator("#snippet")).to_contain_text(f"{grown.replica}-pooler.")


@SCRIPTS
def test_a_branch_is_made_written_to_and_goes_back(enter: Enter, platform: Platform, script: bool) -> None:
    made = platform.create()
    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE note (text text)")
        connection.execute("INSERT INTO note VALUES ('kept')")
        position = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
        connection.execute("INSERT INTO note VALUES ('a mistake')")
    page = enter(java_script_enabled=script)
    page.goto(f"/projects/{made.project}/branches")
    page.get_by_role("link", name="New branch").click()
    page.get_by_label("Name").fill("rehearsal")
    page.get_by_role("button", name="Create branch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("rehearsal")

    page.goto(f"/projects/{made.project}/branches")
    page.get_by_role("link", name="main", exact=True).click()
    page.get_by_label("Moment").fill(str(position[0]) if position else "")
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("status").first).to_contain_text("can be brought back: Undo")

    wait_until(lambda: rows(made.url, "SELECT text FROM note") == [("kept",)], "the mistake is gone")
    page.reload()
    page.get_by_role("button", name="Undo restore").click()
    expect(page.get_by_role("status").first).to_contain_text("has again what it had")
    wait_until(lambda: len(rows(made.url, "SELECT text FROM note")) == 2, "the mistake is back")


def test_what_a_compute_does_is_seen_while_it_does_it(enter: Enter, platform: Platform) -> None:
    made = platform.create()
    page = enter()
    page.goto(f"/projects/{made.project}/computes")
    card = page.get_by_role("region", name="Primary")
    expect(card.get_by_text("ready", exact=True)).to_be_visible()

    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute("SELECT 1")
        expect(card.locator("dt:text-is('Connections') + dd")).to_have_text("1")
        expect(card.locator("polyline").first).to_be_attached()
    card.get_by_role("button", name="Suspend").click()

    expect(page.get_by_role("status").first).to_contain_text("falls asleep")
    expect(card.get_by_text("asleep", exact=True)).to_be_visible()
    card.get_by_role("button", name=f"Start {made.primary}", exact=True).click()
    expect(card.get_by_text("ready", exact=True)).to_be_visible()
    expect(card.get_by_text(re.compile(r"last wake \d+ ms|last wake [\d.]+ s"))).to_be_visible()


def test_a_live_page_does_not_keep_its_compute_awake(enter: Enter, platform: Platform) -> None:
    made = platform.create(suspend_timeout_seconds=2)
    page = enter()
    page.goto(f"/projects/{made.project}/computes")

    expect(page.get_by_text("asleep", exact=True)).to_be_visible(timeout=30_000)


def test_a_session_that_is_over_says_how_to_get_in_again(enter: Enter, grown: Made) -> None:
    page = enter()
    page.goto(f"/projects/{grown.project}/operations")
    page.context.clear_cookies()

    # The list looks for news by itself, and so finds out.
    expect(page.get_by_role("heading", level=1)).to_have_text("The console is closed here")
    expect(page.get_by_text("dormouse open")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_of(enter: Enter, grown: Made, scheme: str) -> None:
    page = enter(color_scheme=scheme)

    for name, path in pages_of(grown).items():
        page.goto(path)
        # What is folded away is read too.
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        found = Axe().run(page).response["violations"]
        assert not [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found], name
    page.complaints.remove("Failed to load resource: the server responded with a status of 404 (Not Found)")  # type: ignore[attr-defined]
    assert page.complaints == []  # type: ignore[attr-defined]


def test_the_pages_before_one_is_in_are_for_everybody(chromium: Browser, platform: Platform) -> None:
    page = chromium.new_page(base_url=str(platform.there["http_url"]))
    for path in ("/", "/projects", "/open?link=x"):
        page.goto(path)
        assert Axe().run(page).response["violations"] == [], path
        expect(page.get_by_text("dormouse open").first).to_be_visible()
    page.close()


def test_a_phone_shows_it_all_without_scrolling_sideways(enter: Enter, grown: Made) -> None:
    page = enter(viewport={"width": 390, "height": 844}, device_scale_factor=2, is_mobile=True, has_touch=True)

    for name, path in pages_of(grown).items():
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, name
        assert page.evaluate(SMALL_TARGETS) == [], name


def test_nothing_is_asked_of_another_host(enter: Enter, grown: Made, platform: Platform) -> None:
    page = enter()
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))

    for path in pages_of(grown).values():
        page.goto(path)

    assert {url for url in asked if not url.startswith(str(platform.there["http_url"]))} == set()


@pytest.mark.timeout(300)
@pytest.mark.skipif(SCREENSHOTS is None, reason="DORMOUSE_SCREENSHOTS names no folder for them")
def test_pictures_for_the_documentation(enter: Enter, platform: Platform, grown: Made) -> None:
    folder = Path(SCREENSHOTS or "")
    folder.mkdir(parents=True, exist_ok=True)
    shown = {
        "console-projects": "/projects",
        "console-connection": f"/projects/{grown.project}",
        "console-branches": f"/projects/{grown.project}/branches",
        "console-computes": f"/projects/{grown.project}/computes",
    }
    for name, path in shown.items():
        page = enter(color_scheme="light", viewport={"width": 1180, "height": 760})
        page.goto(path)
        if name == "console-computes":
            _watch_work(page, grown)
        if name == "console-branches":
            expect(page.get_by_text("of its own")).to_have_count(4, timeout=30_000)
        expect(page.get_by_text("…", exact=True)).to_have_count(0, timeout=30_000)
        page.screenshot(path=folder / f"{name}.png", full_page=name == "console-computes")


def _watch_work(page: Page, made: Made) -> None:
    """Let something be seen: a site that writes to the primary and reads from the replica, now more, now less."""
    done = threading.Event()

    def work() -> None:
        urls = (made.url, made.replica_url)
        with psycopg.connect(urls[0], autocommit=True) as one, psycopg.connect(urls[1], autocommit=True) as two:
            while not done.is_set():
                one.execute("INSERT INTO note VALUES ((SELECT max(id) + 1 FROM note), repeat('nut ', 400))")
                two.execute("SELECT count(*) FROM note")
                done.wait(0.01 + 0.05 * (1 + math.sin(time.monotonic() / 3)))

    site = threading.Thread(target=work)
    site.start()
    try:
        page.wait_for_timeout(45_000)
    finally:
        done.set()
        site.join()
