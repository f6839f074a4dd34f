"""How long the console takes to answer, from the very first page on, and how heavy a page is.

python bench/console.py [ROUNDS]
"""

import gzip
import http.client
import shutil
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fix_platform import Made, Platform, new_home, platform_in

from dormouse.api.bodies import BranchCreate
from dormouse.web.console.templating import load_static

BRANCHES = 20


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    home = new_home()
    with platform_in(home) as platform:
        made = platform.create(replica=True)
        platform.down()
        platform.up()
        # As `dormouse open` does it: what is imported for the console is imported for the link.
        began = time.perf_counter()
        link = platform.client.console_link().path
        print(f"a link, with the console's first import: {ms_since(began):.0f} ms", flush=True)
        began = time.perf_counter()
        headers, _ = ask(platform, link, "")
        cookie = headers["set-cookie"].partition(";")[0]
        print(f"the page behind it: {ms_since(began):.1f} ms", flush=True)
        began = time.perf_counter()
        ask(platform, "/projects", cookie)
        print(f"the first page: {ms_since(began):.1f} ms", flush=True)
        tell(platform, cookie, pages_of(made), count)
        for _ in range(BRANCHES):
            platform.client.create_branch(made.project, BranchCreate(), endpoints=())
        tree = f"/projects/{made.project}/branches"
        sizes = {f"{BRANCHES + 1} branches": tree, "their sizes": f"{tree}/tree?sizes=yes"}
        tell(platform, cookie, sizes, min(count, 20))
        assets = sum(len(gzip.compress(each.content)) for each in load_static().values())
        print(f"style, scripts and picture, gzip: {assets / 1024:.1f} KB", flush=True)
    shutil.rmtree(home.parent, ignore_errors=True)


def pages_of(made: Made) -> dict[str, str]:
    project = f"/projects/{made.project}"
    return {
        "projects": "/projects",
        "connect": project,
        "branches": f"{project}/branches",
        "a branch": f"{project}/branches/{made.branch}",
        "computes": f"{project}/computes",
        "what a compute does, again": f"{project}/computes/{made.primary}/live",
        "operations": f"{project}/operations",
    }


def tell(platform: Platform, cookie: str, pages: dict[str, str], count: int) -> None:
    for what, path in pages.items():
        taken, content = [], b""
        for _ in range(count):
            began = time.perf_counter()
            _, content = ask(platform, path, cookie)
            taken.append(ms_since(began))
        taken.sort()
        middle, high = taken[len(taken) // 2], taken[round(len(taken) * 0.95) - 1]
        print(f"{what} ({len(content) / 1000:.0f} kB): {middle:.1f} ms p50, {high:.1f} ms p95", flush=True)


def ask(platform: Platform, path: str, cookie: str) -> tuple[dict[str, str], bytes]:
    address = urlsplit(str(platform.there["http_url"]))
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, (path, answer.status)
    connection.close()
    return {name.lower(): value for name, value in answer.getheaders()}, content


def ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
