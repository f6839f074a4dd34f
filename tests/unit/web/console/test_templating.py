"""What pages refer to: small, from nowhere else, with its licence."""

import gzip
import re
from importlib.resources import files

import pytest
from jinja2 import UndefinedError

from dormouse.web.console.templating import href, load_static, render
from fix_console import Visitor

MOST_BYTES = 40 * 1024


def test_all_of_it_is_small() -> None:
    sizes = {name: len(gzip.compress(each.content)) for name, each in load_static().items()}

    ours = {"console.css", "console.js", "data.css", "sql.js", "dormouse.svg"}
    assert set(sizes) == ours | {"htmx.min.js", "open-props.min.css"}
    assert sum(sizes.values()) <= MOST_BYTES, sizes


STYLES = ("open-props.min.css", "console.css", "data.css")


@pytest.mark.parametrize("name", STYLES)
def test_the_style_asks_nobody_for_anything(name: str) -> None:
    style = load_static()[name].content.decode()

    assert not re.search(r"url\(|@import|https?:", style)


def test_the_style_uses_what_there_is() -> None:
    style = "".join(load_static()[name].content.decode() for name in STYLES)

    assert set(re.findall(r"var\((--[\w-]+)\)", style)) - set(re.findall(r"(--[\w-]+):", style)) == set()


@pytest.mark.parametrize(("name", "licence"), [("htmx", "Zero-Clause BSD"), ("open-props", "MIT License")])
def test_foreign_work_has_its_licence_beside_it(name: str, licence: str) -> None:
    beside = files("dormouse.web.console").joinpath("static", f"{name}-LICENSE.txt")

    assert beside.read_text().startswith(licence)


def test_it_is_served_to_everybody_and_may_be_kept(stranger: Visitor) -> None:
    for each in load_static().values():
        answer = stranger.get(each.path)

        assert answer.status == 200
        assert answer.headers["content-type"] == each.media_type
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/000000000000/console.css",
        "/static/x/htmx-LICENSE.txt",
        "/static/x/..%2Fapp.py",
        "/static/x/%2e%2e%2f%2e%2e%2fapp.py",
        "/static/",
        "/static/console.css",
    ],
)
def test_nothing_else_is(stranger: Visitor, path: str) -> None:
    assert stranger.get(path).status == 404


def test_paths_hold_any_name() -> None:
    assert (
        href("/projects/{}/x", "a/b ?#ü", branch="a&b", none=None)
        == "/projects/a%2Fb%20%3F%23%C3%BC/x?branch=a%26b"
    )
    assert href("/projects") == "/projects"


def test_a_name_that_a_template_misspells_is_no_empty_place() -> None:
    with pytest.raises(UndefinedError):
        render("error.html", status=404)
