"""Who is let in, who is kept out, and what is said to either: with attacks."""

import re
from urllib.parse import urlencode

import pytest

from dormouse.errors import StartFailed
from dormouse.web.console.doors import IDLE_S, LINK_S
from dormouse.web.console.sections import SECTIONS
from fix_console import HOST, Visitor

PAGES = sorted({page.path for section in SECTIONS for page in section.pages if page.method == "GET"})
POSTS = sorted({page.path for section in SECTIONS for page in section.pages if page.method == "POST"})


def test_without_a_session_the_start_says_what_this_is(stranger: Visitor) -> None:
    answer = stranger.get("/")

    assert answer.status == 200
    assert "Serverless Postgres on this machine" in answer.said
    assert "dormouse open" in answer.said


@pytest.mark.parametrize("path", PAGES)
def test_without_a_session_no_page_is_shown(stranger: Visitor, path: str) -> None:
    answer = stranger.get(path)

    assert answer.status == 403
    assert "dormouse open" in answer.said


@pytest.mark.parametrize("path", POSTS)
def test_without_a_session_nothing_is_done(stranger: Visitor, path: str) -> None:
    answer = stranger.request("POST", path, b"name=x")

    assert answer.status == 403
    assert stranger.plane.state.projects == []


def test_a_part_of_a_page_without_a_session_has_the_page_loaded_anew(stranger: Visitor) -> None:
    answer = stranger.get("/projects", headers={"hx-request": "true"})

    assert (answer.status, answer.headers["hx-refresh"]) == (403, "true")


def test_a_link_lets_a_browser_in_with_a_careful_cookie(stranger: Visitor) -> None:
    answer = stranger.get(stranger.link())

    assert answer.status == 200
    cookie = answer.headers["set-cookie"].lower()
    assert re.match(r"dormouse_55433=[\w-]{43}; httponly; path=/; samesite=strict$", cookie)
    assert stranger.get("/").headers["location"] == "/projects"
    assert stranger.get("/projects").status == 200


def test_a_link_works_once(stranger: Visitor) -> None:
    link = stranger.link()
    stranger.get(link, cookies=False)

    again = stranger.get(link)

    assert again.status == 403
    assert "set-cookie" not in again.headers
    assert "was used already, or is too old" in again.said


def test_whoever_is_in_may_load_the_link_anew(stranger: Visitor) -> None:
    link = stranger.link()
    stranger.get(link)

    assert stranger.get(link).headers["location"] == "/projects"


def test_a_link_grows_old(stranger: Visitor) -> None:
    link = stranger.link()
    stranger.now += LINK_S

    assert stranger.get(link).status == 403


@pytest.mark.parametrize("query", ["", "?link=", "?link=guess", "?link=%00", "?link=%ff", "?Link=x"])
def test_a_guess_opens_nothing(stranger: Visitor, query: str) -> None:
    answer = stranger.get("/open" + query)

    assert answer.status == 403
    assert "set-cookie" not in answer.headers


def test_links_are_for_those_with_the_key(stranger: Visitor) -> None:
    assert stranger.request("POST", "/_local/console_links").status == 401
    stranger.enter()
    assert stranger.request("POST", "/_local/console_links").status == 401


def test_a_session_is_no_key_of_the_api(visitor: Visitor) -> None:
    (secret,) = visitor.cookies.values()

    assert visitor.get("/api/v2/projects").status == 401
    assert visitor.get("/api/v2/projects", headers={"authorization": f"Bearer {secret}"}).status == 401


def test_a_session_ends_when_nobody_uses_it(visitor: Visitor) -> None:
    visitor.now += IDLE_S - 1
    assert visitor.get("/projects").status == 200
    visitor.now += IDLE_S
    assert visitor.get("/projects").status == 403


def test_who_leaves_is_out(visitor: Visitor) -> None:
    before = dict(visitor.cookies)
    answer = visitor.post("/leave")

    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    visitor.cookies = before
    assert visitor.get("/projects").status == 403


def test_nobody_is_made_to_leave(visitor: Visitor) -> None:
    assert visitor.post("/leave", csrf="another").status == 403
    assert visitor.get("/projects").status == 200


@pytest.mark.parametrize("cookie", ["", "x", "dormouse_55433=", "dormouse_55433=guess", "dormouse_1=x", "=;=;;"])
def test_a_made_up_cookie_opens_nothing(stranger: Visitor, cookie: str) -> None:
    assert stranger.get("/projects", headers={"cookie": cookie}).status == 403


def test_platforms_on_other_ports_have_cookies_of_their_own(stranger: Visitor) -> None:
    answer = stranger.get(stranger.link(), headers={"host": "localhost:8080"})

    assert answer.headers["set-cookie"].startswith("dormouse_8080=")


@pytest.mark.parametrize("token", ["", "guess", "ü", "\x00"])
@pytest.mark.parametrize("path", POSTS)
def test_a_form_without_the_sessions_token_does_nothing(visitor: Visitor, path: str, token: str) -> None:
    answer = visitor.post(path, name="x", csrf=token)

    assert answer.status == 403
    assert "not one of your session's" in answer.said
    assert visitor.plane.state.projects == []


def test_the_token_of_another_session_is_worth_nothing(visitor: Visitor) -> None:
    theirs = visitor.csrf()
    visitor.cookies.clear()
    visitor.enter()

    assert visitor.csrf() != theirs
    assert visitor.post("/projects", csrf=theirs, name="x").status == 403


@pytest.mark.parametrize("content", [b'{"csrf": "x"}', b"\xff\xfe", b"csrf", b"csrf=%ff"])
def test_what_is_no_form_does_nothing(visitor: Visitor, content: bytes) -> None:
    assert visitor.request("POST", "/projects", content).status in (400, 403)
    assert visitor.plane.state.projects == []


def test_a_form_may_not_be_endless(visitor: Visitor) -> None:
    assert visitor.request("POST", "/projects", b"x" * (1024 * 1024 + 1)).status == 413


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://localhost:8000", "http://127.0.0.1:55433", "file://"]
)
def test_a_form_from_another_site_does_nothing(visitor: Visitor, origin: str) -> None:
    answer = visitor.post("/projects", headers={"origin": origin}, name="x")

    assert answer.status == 403
    assert visitor.plane.state.projects == []


def test_a_form_of_our_own_pages_is_taken(visitor: Visitor) -> None:
    assert visitor.post("/projects", headers={"origin": f"http://{HOST}"}, name="x").status == 303


@pytest.mark.parametrize("host", ["evil.example", "evil.example:55433", "localhost.evil.example", "10.0.0.7"])
def test_a_foreign_host_name_is_shown_nothing(visitor: Visitor, host: str) -> None:
    for path in ("/", "/projects", "/open?link=x"):
        answer = visitor.get(path, headers={"host": host})

        assert answer.status == 403
        assert "dormouse" not in answer.text.lower()


@pytest.mark.parametrize("path", ["/", "/projects", "/projects/new", "/open?link=x", "/nothing"])
def test_pages_are_careful_with_browsers(visitor: Visitor, path: str) -> None:
    headers = visitor.get(path).headers
    policy = headers.get("content-security-policy", "")

    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not [name for name in headers if name.startswith("access-control-")]


def test_a_form_of_ours_is_sent_with_our_origin(visitor: Visitor) -> None:
    # `no-referrer` would have browsers send `Origin: null`, which is refused.
    assert visitor.get("/projects").headers["referrer-policy"] == "same-origin"
    assert "form-action 'self'" in visitor.get("/projects").headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/nothing", "/projects/none/such", "/projects/none", "/static", "/projects/%ff"])
def test_what_is_not_there_is_said_in_a_page(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)

    assert answer.status in (400, 404)
    assert answer.headers["content-type"].startswith("text/html")
    assert "Go to your projects" in answer.said


def test_a_page_by_the_wrong_method_is_not_there(visitor: Visitor) -> None:
    assert visitor.request("DELETE", "/projects").status == 404


def test_what_a_compute_did_not_do_is_said(visitor: Visitor) -> None:
    visitor.plane.state.fail_with = StartFailed("the compute ep-x ended", log_tail="FATAL: no space left")
    answer = visitor.get("/projects")

    assert answer.status == 500
    assert "the compute ep-x ended" in answer.said


def test_what_surprises_us_is_for_the_log_alone(visitor: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    visitor.plane.state.fail_with = ZeroDivisionError("the secret of the failure")
    answer = visitor.get("/projects")

    assert answer.status == 500
    assert "secret of the failure" not in answer.text
    assert answer.headers["x-neon-ret-request-id"] in answer.said
    assert "secret of the failure" in str(caplog.records[0].exc_info)


def test_a_page_says_what_was_wrong_with_a_form_and_keeps_what_was_typed(visitor: Visitor) -> None:
    answer = visitor.post("/projects", name="kept", database_name='a"b')

    assert answer.status == 400
    assert 'value="kept"' in answer.text
    assert "database name: holds a control character" in answer.said


def test_no_script_and_no_style_is_inline(visitor: Visitor) -> None:
    visitor.create_project(name="x")
    for path in ("/", "/projects", "/projects/new", "/nothing"):
        text = visitor.get(path).text

        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", text), path


def test_the_text_of_a_query_is_never_a_page(visitor: Visitor) -> None:
    attack = urlencode({"branch": "<script>alert(1)</script>", "name": '"><img src=x onerror=alert(1)>'})

    for path in PAGES:
        assert "<script>alert" not in visitor.get(f"{path}?{attack}").text
