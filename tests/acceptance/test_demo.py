"""`dormouse demo`: the main job, from an empty folder to a checked site."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from fix_platform import new_home, processes_of, wait_until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def home() -> Iterator[Path]:
    import shutil

    folder = new_home()
    yield folder
    left = processes_of(folder)
    for process in left:
        process.kill()
    shutil.rmtree(folder.parent, ignore_errors=True)
    assert not left, f"processes are left: {left}"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dormouse", "demo", "--pg-port", "0", "--http-port", "0", *arguments]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "DORMOUSE_HOME": str(home), "PGHOSTADDR": "192.0.2.1"}


def demo(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), env=environment(home), capture_output=True, text=True, timeout=200)


def test_once_checks_every_page_and_finds_its_data_again(home: Path) -> None:
    first = demo(home, "--once", "--site-port", "0", "--json")
    assert first.returncode == 0, first.stderr
    second = demo(home, "--once", "--site-port", "0", "--json")
    assert second.returncode == 0, second.stderr

    report = json.loads(first.stdout)
    assert report["ok"] is True
    assert len(report["checks"]) >= 14
    assert all(check["passed"] for check in report["checks"])
    assert "create the project" in {step["step"] for step in report["steps"]}
    assert "find the project" in {step["step"] for step in json.loads(second.stdout)["steps"]}
    assert processes_of(home) == []


def test_once_says_what_is_wrong_with_a_page(home: Path) -> None:
    assert demo(home, "--once", "--site-port", "0").returncode == 0
    views = home / "demo" / "site" / "catalog" / "views.py"
    views.write_text(views.read_text() + "\n\ndef authors(request):\n    raise RuntimeError('broken by hand')\n")
    urls = home / "demo" / "site" / "catalog" / "urls.py"
    urls.write_text(
        "from django.urls import path\nfrom . import views\n"
        "urlpatterns = [path('authors/', views.authors), path('books/<int:pk>/', views.authors)]\n"
    )

    done = demo(home, "--once", "--site-port", "0")

    assert done.returncode == 1
    assert "failed: GET /catalog/authors/" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_site_port_is_named_with_its_option(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = demo(home, "--site-port", str(port))

    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "--site-port" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_it_serves_until_it_is_told_to_stop_and_leaves_nothing(home: Path, number: signal.Signals) -> None:
    with serving(home) as (process, urls):
        assert get(urls["site"]) == 200
        assert get(urls["catalog"]) == 200

        process.send_signal(number)

        assert process.wait(60) == 0
    assert processes_of(home) == []


def test_the_site_goes_on_when_its_platform_is_killed_and_started_again(home: Path) -> None:
    with serving(home, "--pg-port", str(free_port())) as (process, urls):
        assert get(urls["site"]) == 200
        there = json.loads((home / "run" / "platform.json").read_text())
        os.kill(there["pid"], signal.SIGKILL)
        again = {
            **environment(home),
            "DORMOUSE_PG_PORT": str(there["pg_port"]),
            "DORMOUSE_HTTP_PORT": there["http_url"].rpartition(":")[2],
        }
        up = [sys.executable, "-m", "dormouse", "up"]
        wait_until(lambda: subprocess.run(up, env=again, capture_output=True).returncode == 0, "it is up again")

        assert get(urls["site"]) == 200
        assert get(urls["catalog"]) == 200

        process.send_signal(signal.SIGINT)
        process.wait(60)


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """`dormouse demo` as it runs in a terminal, and what it announced."""
    process = subprocess.Popen(
        command("--site-port", "0", "--json", *arguments),
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with closing(process.stdout):
        try:
            yield process, announced(process)["urls"]
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(60)


def announced(process: subprocess.Popen[str]) -> dict[str, dict[str, str]]:
    """The JSON that it prints once it serves."""
    text = ""
    assert process.stdout is not None
    for line in process.stdout:
        text += line
        if line.startswith("}"):
            found: dict[str, dict[str, str]] = json.loads(text)
            return found
    pytest.fail(f"it ended without a word: exit {process.wait()}")


def get(url: str) -> int:
    host, _, path = url.removeprefix("http://").partition("/")
    with closing(http.client.HTTPConnection(host, timeout=60)) as connection:
        connection.request("GET", f"/{path}")
        return connection.getresponse().status


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
