"""`dormouse demo`: from an empty folder to a Django site on a primary and a read replica."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Final

import psycopg

from dormouse.api.bodies import EndpointCreate, ProjectCreate
from dormouse.api.client import Client
from dormouse.cli import background
from dormouse.cli.connections import Chosen, Target, choose, client_of
from dormouse.cli.demo_check import Check, check_site
from dormouse.cli.demo_site import Site, free_port, prepare_site
from dormouse.cli.output import answer, answer_json, say, table
from dormouse.config import Settings
from dormouse.errors import UserError
from dormouse.home import PlatformFile
from dormouse.names import BranchId, ProjectId
from dormouse.storage.layout import Layout

__all__ = ["DemoOptions", "run_demo"]

PROJECT: Final = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What the user chose."""

    once: bool = False
    site_port: int = 8000
    as_json: bool = False


@dataclass(slots=True)
class _Steps:
    """What was done, and how long each took; told while it happens."""

    done: list[dict[str, object]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Time a block; what it appends to the list is told with the name."""
        began = time.monotonic()
        details: list[str] = []
        yield details
        seconds = time.monotonic() - began
        self.done.append({"step": name, "seconds": round(seconds, 3), "details": details})
        say(f"{seconds:7.2f} s  {name}" + (f": {', '.join(details)}" if details else ""))


def run_demo(settings: Settings, options: DemoOptions, environ: Mapping[str, str]) -> bool:
    """Set everything up and serve it until Ctrl-C, or with `once` check it; whether all was as it should be.

    Stops what it started. Raises DormouseError with the reason when a step fails.
    """
    layout = Layout(settings.home)
    steps = _Steps()
    _end_on_signals()
    with contextlib.suppress(KeyboardInterrupt), ExitStack() as to_undo:
        port = free_port(options.site_port)
        there = _platform(settings, environ, steps, to_undo)
        client = client_of(layout)
        chosen = _project(client, steps)
        with steps.step("copy the site into the home") as details:
            folder = prepare_site(layout, chosen)
            details.append(str(folder))
        site = Site(folder, port, environ)
        with steps.step("migrate"):
            site.manage("migrate", "--no-input", "--verbosity", "0")
        with steps.step("seed") as details:
            details.append(site.manage("populate").strip().splitlines()[-1])
        with steps.step("serve the site") as details:
            to_undo.callback(site.stop)
            site.start(quiet=options.once)
            details.append(site.url)
        if options.once:
            return _checked(client, chosen, site, steps, options)
        _announce(layout, there, chosen, site, steps, options)
        _show_logs_until_ctrl_c(layout, site)
    return True


def _platform(settings: Settings, environ: Mapping[str, str], steps: _Steps, to_undo: ExitStack) -> PlatformFile:
    layout = Layout(settings.home)
    if background.is_running(layout):
        with steps.step("find the platform") as details:
            there = background.find(layout)
            details.append(f"it runs already, pid {there.pid}, and will go on")
        return there
    with steps.step("start the platform") as details:
        to_undo.callback(_stop_platform, layout)
        there = background.start(settings, environ)
        details.append(f"pid {there.pid}")
    return there


def _stop_platform(layout: Layout) -> None:
    began = time.monotonic()
    if background.stop(layout):
        say(f"{time.monotonic() - began:7.2f} s  stop the platform")


def _project(client: Client, steps: _Steps) -> Chosen:
    """The project `demo` with a primary and a replica, both awake; what is there already is taken."""
    found = [project for project in client.projects(limit=400, search=PROJECT).projects if project.name == PROJECT]
    if found:
        with steps.step("find the project") as details:
            project_id, name = ProjectId(found[0].id), found[0].id
            details.append(name)
    else:
        with steps.step("create the project") as details:
            project_id = ProjectId(client.create_project(ProjectCreate(name=PROJECT)).project.id)
            details.append(project_id)
    with steps.step("wake the primary") as details:
        chosen = choose(client, Target(project=project_id))
        details += [chosen.endpoint.id, _server_version(chosen.parameters.url())]
    if not chosen.replicas:
        with steps.step("add a read replica"):
            client.create_endpoint(
                project_id, EndpointCreate(branch_id=BranchId(chosen.branch.id), type="read_only")
            )
            chosen = choose(client, Target(project=project_id))
    with steps.step("wake the replica") as details:
        details += [chosen.replicas[0].host.partition(".")[0], _server_version(chosen.replicas[0].url())]
    return chosen


def _server_version(url: str) -> str:
    try:
        with psycopg.connect(url, connect_timeout=60) as connection:
            row = connection.execute("SELECT 'Postgres ' || current_setting('server_version')").fetchone()
    except psycopg.Error as error:
        raise UserError(f"the compute does not answer: {error}", "see `dormouse logs`") from error
    return str(row[0]) if row else ""


def _checked(client: Client, chosen: Chosen, site: Site, steps: _Steps, options: DemoOptions) -> bool:
    with steps.step("request every page, awake and asleep"):
        checks = check_site(client, chosen, site.url)
    good = all(check.passed for check in checks)
    if options.as_json:
        answer_json({"ok": good, "steps": steps.done, "checks": [asdict(check) for check in checks]})
    else:
        answer(table(("result", "request", "found", "ms"), [_row(check) for check in checks]))
    for check in checks:
        if not check.passed:
            say(f"failed: {check.request}: expected {check.expected}, found {check.found}")
    return good


def _row(check: Check) -> dict[str, object]:
    return {
        "result": "ok" if check.passed else "FAILED",
        "request": check.request,
        "found": check.found,
        "ms": check.duration_ms,
    }


def _announce(
    layout: Layout, there: PlatformFile, chosen: Chosen, site: Site, steps: _Steps, options: DemoOptions
) -> None:
    urls = {
        "site": f"{site.url}/",
        "catalog": f"{site.url}/catalog/authors/",
        "admin": f"{site.url}/admin/",
        "api": f"{there.http_url}/api/v2",
        "console": f"{there.http_url}/",
        "primary": chosen.parameters.redacted(),
        "replica": chosen.replicas[0].redacted(),
    }
    if options.as_json:
        answer_json({"ok": True, "steps": steps.done, "urls": urls})
    else:
        answer("\n" + "\n".join(f"  {name:<8} {url}" for name, url in urls.items()) + "\n")
    say("the console: `dormouse open` prints a link that lets your browser in")
    say(f"the site lies in {site.folder}; `dormouse env` prints how to connect; an admin of its own:")
    say(f"  {sys.executable} {site.folder / 'manage.py'} createsuperuser")
    say(f"Ctrl-C stops everything. Logs of the site, and of the platform ({layout.log}):")


def _show_logs_until_ctrl_c(layout: Layout, site: Site) -> None:
    threading.Thread(target=_tail, args=(layout,), daemon=True).start()
    code = site.wait()
    raise UserError(f"the site ended by itself (exit {code})", f"its folder is {site.folder}")


def _tail(layout: Layout) -> None:
    with layout.log.open(encoding="utf-8", errors="replace") as file:
        file.seek(0, os.SEEK_END)
        while True:
            if text := file.read():
                print(text, end="", file=sys.stderr, flush=True)
            else:
                time.sleep(0.2)


def _end_on_signals() -> None:
    """End in order; on SIGINT too where a shell started us in the background, with that one ignored."""

    def end(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
