"""The example site as someone sees it: without JavaScript, on a phone, in the dark, by keyboard."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .conftest import Site

Visit = Callable[..., BrowserContext]

NOTES = (
    ("Why the first page took a moment", "The database had been asleep for three days.", "3 days"),
    (
        "Ask about the hazel by the wall",
        "Twelve good branches.\n\nBring the small saw and the long rope.",
        "27 hours",
    ),
    ("Winter stores", "Hazelnuts, beechnuts, and a jar of honey that nobody has to know about.", "95 minutes"),
    ("Fell asleep at five", "Woke when someone knocked. All was where I had left it.", "1 minute"),
)

CONTRASTS = """
() => {
  const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const rgba = text => text.match(/[\\d.]+/g).map(Number);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim()) continue;
    const [a, b] = [rgba(getComputedStyle(element).color), ground(element)].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([contrast, texts.currentNode.data.trim()]);
  }
  return found;
}
"""
"""The contrast of each text with what is behind it (WCAG 2.2, 1.4.3), in the page."""

SMALL_TARGETS = """
[...document.querySelectorAll("a, button, textarea, input:not([type=hidden])")]
  .filter(element => element.getBoundingClientRect().height < 24)
  .map(element => element.outerHTML)
"""
"""What a finger would miss (WCAG 2.2, 2.5.8), in the page."""

UNLABELLED = """
[...document.querySelectorAll("textarea, input:not([type=hidden])")]
  .filter(element => element.labels.length !== 1)
  .map(element => element.outerHTML)
"""


def test_notes_come_and_go_without_javascript(visit: Visit) -> None:
    page = visit(java_script_enabled=False).new_page()
    page.goto("/")
    expect(page.get_by_text("There are no notes yet.")).to_be_visible()

    page.get_by_role("link", name="Write a note").click()
    page.get_by_label("What to remember").fill("Moss first, then leaves.")
    page.get_by_role("button", name="Save the note").click()

    title = page.get_by_label("Title")
    expect(page.get_by_role("alert")).to_contain_text("was not saved")
    expect(title).to_have_accessible_description("Give the note a title.")
    expect(title).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("What to remember")).to_have_value("Moss first, then leaves.")

    title.fill("Nest")
    page.get_by_role("button", name="Save the note").click()

    expect(page.get_by_role("status")).to_have_text("Saved “Nest”.")
    expect(page.get_by_role("article", name="Nest")).to_contain_text("Moss first, then leaves.")

    page.get_by_role("link", name="Delete “Nest”").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete this note?")
    page.get_by_role("link", name="Keep it").click()
    expect(page.get_by_role("article", name="Nest")).to_be_visible()

    page.get_by_role("link", name="Delete “Nest”").click()
    page.get_by_role("button", name="Yes, delete it").click()

    expect(page.get_by_role("status")).to_have_text("Deleted the note.")
    expect(page.get_by_role("article")).to_have_count(0)


def test_long_lists_are_turned_by_the_page(visit: Visit, site: Site) -> None:
    site.write(*((f"Note {number}", "…", f"{number} minutes") for number in range(11)))
    page = visit().new_page()
    page.goto("/")

    expect(page.get_by_role("article").first).to_contain_text("Note 0")
    page.get_by_role("link", name="Older").click()

    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(1)


def test_the_foot_of_the_page_names_who_answered(visit: Visit, site: Site) -> None:
    site.write(NOTES[0])
    page = visit().new_page()
    foot = page.get_by_role("contentinfo")

    page.goto("/")
    expect(foot).to_contain_text(re.compile(r"read from\s+replica:\s+2 queries in [\d.]+ ms"))

    page.goto("/create/")
    expect(foot).to_contain_text("asked the database nothing")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_is_easy_to_read(visit: Visit, site: Site, scheme: str, tmp_path: Path) -> None:
    site.write(*NOTES)
    page = visit(color_scheme=scheme, viewport={"width": 1000, "height": 760}).new_page()

    for name in _pages(page):
        page.screenshot(path=tmp_path / f"{name}-{scheme}.png", full_page=True)
        faint = [(round(contrast, 1), text) for contrast, text in page.evaluate(CONTRASTS) if contrast < 4.5]
        assert not faint, name


def test_the_dark_is_dark(visit: Visit) -> None:
    page = visit(color_scheme="dark").new_page()
    page.goto("/")

    background = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert max(int(part) for part in background.strip("rgb()").split(",")) < 64


def test_a_phone_shows_it_all_without_scrolling_sideways(visit: Visit, site: Site, tmp_path: Path) -> None:
    site.write(*NOTES, ("Gliridae" * 12, "https://example.org/" + "hazel/" * 40, "1 second"))
    phone = visit(viewport={"width": 390, "height": 844}, device_scale_factor=2, is_mobile=True, has_touch=True)
    page = phone.new_page()

    for name in _pages(page):
        page.screenshot(path=tmp_path / f"{name}-phone.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, name
        assert page.evaluate(SMALL_TARGETS) == [], name


def test_every_page_has_one_heading_landmarks_and_labels(visit: Visit, site: Site) -> None:
    site.write(*NOTES)
    page = visit().new_page()

    for name in _pages(page):
        expect(page.get_by_role("heading", level=1), name).to_have_count(1)
        for landmark in ("banner", "main", "contentinfo"):
            expect(page.get_by_role(landmark), name).to_have_count(1)
        assert page.title().endswith("· Dormouse"), name
        assert page.evaluate(UNLABELLED) == [], name


def test_the_keyboard_reaches_everything_and_sees_where_it_is(visit: Visit, site: Site) -> None:
    site.write(NOTES[0])
    page = visit().new_page()
    page.goto("/")
    focused = page.locator(":focus")

    page.keyboard.press("Tab")
    expect(focused).to_have_text("Skip to the content")
    expect(focused).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()

    for name in ("Write a note", "Delete “Why the first page took a moment”"):
        page.keyboard.press("Tab")
        expect(focused).to_have_accessible_name(name)
        assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"

    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete this note?")


def test_nothing_is_asked_of_another_host_and_nothing_is_missing(visit: Visit, site: Site) -> None:
    site.write(*NOTES)
    page = visit().new_page()
    answers: dict[str, int] = {}
    page.on("response", lambda response: answers.update({response.url: response.status}))

    for _ in _pages(page):
        pass
    page.goto("/admin/login/")

    assert all(url.startswith(site.url) for url in answers)
    assert set(answers.values()) == {200}
    assert f"{site.url}/static/admin/css/base.css" in answers


def _pages(page: Page) -> Iterator[str]:
    """Go to each page in turn, the form both fresh and with something wrong; gives its name once it is there."""
    page.goto("/")
    yield "list"
    page.goto("/create/")
    yield "create"
    page.get_by_role("button", name="Save the note").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield "create-refused"
    page.goto("/")
    page.get_by_role("link", name="Delete").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete this note?")
    yield "delete"
