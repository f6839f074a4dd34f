"""What one finds who has read nothing: a site that runs, and reads from a replica, by the console alone."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fix_python import python_environment

from .conftest import Enter, copy_of_site, site_served


def copied(page: Page) -> str:
    """What the button copies of what is shown: the text for `.env`, with its password."""
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


@pytest.mark.timeout(180)
def test_a_site_runs_with_what_the_console_gives(enter: Enter, tmp_path: Path) -> None:
    """G1.1 and G4.2: create a project, copy, the site runs; add a replica, copy again, it reads from there."""
    console = enter(permissions=["clipboard-read", "clipboard-write"])
    reader = console.context.new_page()
    site = copy_of_site(tmp_path)
    environment = python_environment() | {"DEBUG": "true"}

    console.get_by_role("link", name="New project").first.click()
    console.get_by_label("Name", exact=True).fill("my-notes")
    console.get_by_role("button", name="Create project").click()
    expect(console.get_by_role("status").first).to_contain_text("is ready")
    (site / ".env").write_text(copied(console))
    with site_served(site, environment) as url:
        reader.goto(url)
        reader.get_by_role("link", name="Write a note").click()
        reader.get_by_label("Title").fill("Nest")
        reader.get_by_label("What to remember").fill("Moss first, then leaves.")
        reader.get_by_role("button", name="Save the note").click()
        expect(reader.get_by_text("Nest").first).to_be_visible()

    console.get_by_role("button", name="Add read replica").click()
    expect(console.get_by_text("DATABASE_REPLICA_URL=")).to_be_visible()
    (site / ".env").write_text(copied(console))
    with site_served(site, environment) as url:
        reader.goto(url)
        expect(reader.get_by_text("Nest").first).to_be_visible()
        expect(reader.get_by_role("contentinfo")).to_contain_text("replica")
