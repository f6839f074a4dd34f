"""`dormouse open`, against a platform: the link, and what it lets one do."""

import http.cookiejar
import json
import re
import urllib.error
import urllib.request
from urllib.parse import urlencode

import pytest
from fix_platform import Made, Platform, wait_until


class Browser:
    """The simplest one: it keeps its cookies, and follows where it is sent."""

    def __init__(self) -> None:
        # Straight to the platform, whatever proxies the machine has.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )

    def get(self, url: str, form: dict[str, str] | None = None) -> str:
        content = None if form is None else urlencode(form).encode()
        with self._opener.open(url, content, timeout=30) as answer:
            text: str = answer.read().decode()
        return text


@pytest.fixture
def link(platform: Platform) -> str:
    return platform.run("open", "--print").stdout.strip()


def test_the_link_lets_one_browser_in_once(platform: Platform, link: str) -> None:
    assert link.startswith(f"{platform.there['http_url']}/open?link=")
    browser = Browser()
    browser.get(link)
    assert "<h1>Projects</h1>" in browser.get(f"{platform.there['http_url']}/projects")

    with pytest.raises(urllib.error.HTTPError) as refused:
        Browser().get(link)

    assert refused.value.code == 403
    assert "dormouse open" in refused.value.read().decode()


def test_a_project_is_made_woken_and_looked_at(platform: Platform, link: str) -> None:
    browser, base = Browser(), platform.there["http_url"]
    browser.get(link)
    token = re.search(r'name="csrf" value="([^"]+)"', browser.get(f"{base}/projects/new"))
    assert token is not None
    page = browser.get(f"{base}/projects", {"csrf": token[1], "name": "by-form"})
    assert "Project “by-form” is ready." in page

    (project,) = [each for each in platform.client.projects(limit=400).projects if each.name == "by-form"]
    (primary,) = platform.client.endpoints(project.id)  # type: ignore[arg-type]
    live = f"{base}/projects/{project.id}/computes/{primary.id}/live"
    wait_until(
        lambda: re.search(r"ready</span> <span class=\"hint\">last wake [\d.]+ m?s", browser.get(live)), "awake"
    )
    assert re.search(r"<dt>Connections</dt>\s*<dd>0</dd>", browser.get(live))
    assert re.search(r"[\d.]+ MB", browser.get(f"{base}/projects/{project.id}/size"))


def test_for_programs(platform: Platform) -> None:
    assert "/open?link=" in json.loads(platform.run("open", "--json").stdout)["link"]


def test_where_no_platform_runs_it_says_so(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = Platform(platform.home, {**platform.environment, "DORMOUSE_HOME": str(tmp_path_factory.mktemp("x"))})
    done = nowhere.run("open", "--print", check=False)

    assert done.returncode == 1
    assert "start it with `dormouse up`" in done.stderr


def test_vitals_are_those_of_postgres(platform: Platform, project: Made, link: str) -> None:
    browser, base = Browser(), platform.there["http_url"]
    browser.get(link)

    page = browser.get(f"{base}/projects/{project.project}/computes")

    assert project.primary in page
    assert project.replica is not None
    assert project.replica in page
    assert "Behind, in bytes" in page
