"""What `dormouse demo --once` asks of the site, as a visitor with a browser would."""

import http.client
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

from dormouse.api.client import Client
from dormouse.cli.connections import Chosen
from dormouse.names import EndpointId, ProjectId

__all__ = ["Check", "check_site"]

_TOKEN: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_NOTE: Final = "A note from dormouse demo"
_PATIENCE_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One request and its answer."""

    request: str
    expected: str
    found: str
    passed: bool
    duration_ms: int


class _Visitor:
    """A browser without pictures: cookies, redirects and forms."""

    def __init__(self, url: str) -> None:
        self._url = url
        # The site is on this machine: a proxy of the environment has no part in it.
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> tuple[int, str]:
        return self._open(Request(self._url + path))  # noqa: S310 - our own site

    def submit(self, path: str, **fields: str) -> tuple[int, str]:
        """Fill in the form of a page and follow where it leads."""
        status, page = self.get(path)
        token = _TOKEN.search(page)
        if status != 200 or token is None:
            return status, "no form there"
        body = urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        request = Request(self._url + path, data=body, headers={"Referer": self._url + path})  # noqa: S310
        return self._open(request)

    def _open(self, request: Request) -> tuple[int, str]:
        try:
            with self._opener.open(request, timeout=_PATIENCE_S) as reply:
                return reply.status, reply.read().decode("utf-8", "replace")
        except HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace")
        except (URLError, OSError, http.client.HTTPException) as error:
            return 0, str(error)


def check_site(client: Client, chosen: Chosen, url: str) -> list[Check]:
    """Every page, then the same after both computes were put to sleep."""
    visitor = _Visitor(url)
    found = {"note": "", "author": ""}

    def has_note(page: str) -> bool:
        match = re.search(r"/delete/(\d+)/", page)
        found["note"] = match[1] if match else ""
        return _NOTE in page and match is not None

    def three_authors(page: str) -> bool:
        authors = json.loads(page)
        found["author"] = str(authors[0]["id"])
        return len(authors) == 3 and all(author["country"] for author in authors)

    def is_list_of_books(page: str) -> bool:
        books = json.loads(page)
        return len(books) in (2, 3) and all(book["title"] for book in books)

    def both_asleep() -> None:
        _put_to_sleep(client, chosen)

    return [
        _check("GET /", "200, a list of notes", lambda: visitor.get("/"), lambda page: "<h1" in page),
        _check(
            "GET /create/", "200, a form", lambda: visitor.get("/create/"), lambda page: bool(_TOKEN.search(page))
        ),
        _check(
            "POST /create/ with nothing in it",
            "the form again, with its errors",
            lambda: visitor.submit("/create/", title="", content=""),
            lambda page: "required" in page,
        ),
        _check(
            "POST /create/",
            "the list, with the new note on it",
            lambda: visitor.submit("/create/", title=_NOTE, content="It is here at once."),
            has_note,
        ),
        _check("GET / again", "the new note", lambda: visitor.get("/"), has_note),
        _check(
            "GET /delete/<id>/",
            "a question",
            lambda: visitor.get(f"/delete/{found['note']}/"),
            lambda page: _NOTE in page and bool(_TOKEN.search(page)),
        ),
        _check(
            "POST /delete/<id>/",
            "the list, without the note",
            lambda: visitor.submit(f"/delete/{found['note']}/"),
            lambda page: f"/delete/{found['note']}/" not in page,
        ),
        _check("GET /catalog/authors/", "three authors", lambda: visitor.get("/catalog/authors/"), three_authors),
        _check(
            "GET /catalog/books/<author>/",
            "the author's books",
            lambda: visitor.get(f"/catalog/books/{found['author']}/"),
            is_list_of_books,
        ),
        _check(
            "GET /catalog/books/0/",
            "404",
            lambda: visitor.get("/catalog/books/0/"),
            lambda _page: True,
            status=404,
        ),
        _check(
            "GET /admin/login/",
            "a login form",
            lambda: visitor.get("/admin/login/"),
            lambda page: "password" in page,
        ),
        _check(
            "GET /catalog/authors/, both asleep",
            "three authors",
            lambda: visitor.get("/catalog/authors/"),
            three_authors,
            before=both_asleep,
        ),
        _check(
            "POST /create/, both asleep",
            "the list, with the new note on it",
            lambda: visitor.submit("/create/", title=_NOTE, content="Woken."),
            has_note,
            before=both_asleep,
        ),
        _check(
            "POST /delete/<id>/ again",
            "the list, without the note",
            lambda: visitor.submit(f"/delete/{found['note']}/"),
            lambda page: f"/delete/{found['note']}/" not in page,
        ),
    ]


def _check(
    request: str,
    expected: str,
    perform: Callable[[], tuple[int, str]],
    is_right: Callable[[str], bool],
    *,
    status: int = 200,
    before: Callable[[], None] = lambda: None,
) -> Check:
    before()
    began = time.monotonic()
    got, page = perform()
    duration_ms = round((time.monotonic() - began) * 1000)
    try:
        passed = got == status and is_right(page)
    except (ValueError, LookupError, TypeError):
        passed = False  # the answer is not even of that form
    found = f"{got}" if got else f"no answer: {page}"
    return Check(
        request=request,
        expected=expected,
        found=found if passed or got != status else f"{got}, but not {expected}",
        passed=passed,
        duration_ms=duration_ms,
    )


def _put_to_sleep(client: Client, chosen: Chosen) -> None:
    project = ProjectId(chosen.project.id)
    for endpoint in client.endpoints(project):
        client.suspend_endpoint(project, EndpointId(endpoint.id))
    deadline = time.monotonic() + _PATIENCE_S
    while any(endpoint.current_state != "idle" for endpoint in client.endpoints(project)):
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)
