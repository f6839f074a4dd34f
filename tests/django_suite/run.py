"""Django's own tests, with its PostgreSQL backend and with ours in its place: each test must end alike.

    python tests/django_suite/run.py [--way WAY ...] [--all | LABEL ...]

The tests are those of the installed Django, from its source distribution, which comes into `.django-suite` once
(a package index the first time). Per way, both backends run at the same time, each with a server of its own; the
time limit is per way. Tests that ended otherwise are run again by themselves, beside each other, and count if they
still differ. It ends with 0 where none is left, 1 where some are, 2 where a run did not come to its end.

Not compared: messages, and what Django's tests print.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".django-suite"
sys.path.append(str(ROOT / "tests/integration/django_dormouse"))
sys.path.append(str(ROOT / "tests"))

ENGINES = {"Django": "django.db.backends.postgresql", "Dormouse": "django_dormouse.backend"}

LABELS = [
    "async",
    "backends",
    "bulk_create",
    "connection_utils",
    "constraints",
    "custom_lookups",
    "db_functions",
    "delete",
    "expressions",
    "fixtures",
    "get_or_create",
    "handlers",
    "indexes",
    "inspectdb",
    "introspection",
    "migrate_signals",
    "migrations",
    "multiple_database",
    "postgres_tests",
    "prefetch_related",
    "queries",
    "raw_query",
    "requests_tests",
    "schema",
    "select_for_update",
    "servers",
    "sessions_tests",
    "test_runner",
    "test_utils",
    "timezones",
    "transaction_hooks",
    "transactions",
    "update",
]
"""All that has to do with connections, transactions, cursors, schema and compilers; some 5,000 tests."""

QUICK = ["backends", "transactions", "transaction_hooks", "multiple_database", "select_for_update"]

LIMIT_S = 3600


@dataclass(frozen=True, slots=True)
class Way:
    """How the database is reached."""

    platform: bool = False
    pool: bool = False
    errors: str = "postgres"
    psycopg2: bool = False


WAYS = {
    "direct": Way(),
    "pool": Way(pool=True),
    "psycopg2": Way(psycopg2=True),
    "platform": Way(platform=True),
    "platform-pool": Way(platform=True, pool=True),
    "platform-neon": Way(platform=True, errors="neon"),
    "platform-neon-pool": Way(platform=True, errors="neon", pool=True),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="*", default=None, metavar="LABEL", help=" ".join(LABELS))
    parser.add_argument("--way", action="append", choices=WAYS, help="all of them, if none is named")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--all", action="store_true", help="every label that Django has")
    choice.add_argument("--quick", action="store_true", help=" ".join(QUICK))
    asked = parser.parse_args()
    labels = asked.labels or ([] if asked.all else QUICK if asked.quick else LABELS)
    tests = suite()
    found = [compare_in(way, tests, labels) for way in asked.way or WAYS]
    return max(found)


def suite() -> Path:
    """The folder of the tests of the Django that is installed."""
    import django

    version = django.__version__
    folder = CACHE / f"django-{version}"
    if not folder.exists():
        CACHE.mkdir(exist_ok=True)
        subprocess.run(
            [os.environ.get("UV", "uv"), "tool", "run", "--python", sys.executable,
             "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
             "--dest", CACHE, f"django=={version}"],
            check=True,
        )  # fmt: skip
        with tarfile.open(CACHE / f"django-{version}.tar.gz") as archive:
            archive.extractall(CACHE / f"{version}.part", filter="data")
        (CACHE / f"{version}.part" / f"django-{version}").rename(folder)
    return folder / "tests"


def compare_in(name: str, tests: Path, labels: Sequence[str]) -> int:
    """0, 1 or 2, as said above; prints what there is to say."""
    way = WAYS[name]
    began = time.monotonic()
    with servers(way) as places:
        found = run_both(way, places, tests, labels)
        if found is None:
            print(f"{name}: a run did not come to its end", flush=True)
            return 2
        suspects = differing(found)
        if suspects:
            print(f"{name}: {len(suspects)} ended otherwise and are run again by themselves", flush=True)
            # A class that could not be set up has no test to be named.
            again = sorted({label_of(test) for test in suspects})
            second = run_both(way, places, tests, again)
            if second is None:
                return 2
            for test in suspects:
                if test in differing(second):
                    ends = {backend: outcomes.get(test, ("never run", "")) for backend, outcomes in second.items()}
                    print(f"{name}: {test}: " + ", ".join(f"{backend} {end[0]}" for backend, end in ends.items()))
                    print(*(f"--- {backend}\n{text}" for backend, (_, text) in ends.items() if text), sep="\n")
            left = [test for test in suspects if test in differing(second)]
        else:
            left = []
    counts = {backend: count(outcomes) for backend, outcomes in found.items()}
    print(f"{name}: {len(left)} differ, {len(suspects) - len(left)} unsteady; {time.monotonic() - began:.0f} s")
    for backend, text in counts.items():
        print(f"{name}: {backend}: {text}", flush=True)
    return 1 if left else 0


Outcomes = dict[str, tuple[str, str]]


def differing(found: Mapping[str, Outcomes]) -> list[str]:
    """Tests that did not end alike, sorted."""
    one, other = found.values()
    nothing = ("never run", "")
    return sorted(
        test for test in one.keys() | other.keys() if one.get(test, nothing)[0] != other.get(test, nothing)[0]
    )


def label_of(test: str) -> str:
    """What a test runner takes: `setUpClass (module.Class)` is a class."""
    return test.partition("(")[2].rstrip(")") if "(" in test else test


def count(outcomes: Outcomes) -> str:
    ends = [end for end, _ in outcomes.values()]
    return ", ".join(f"{ends.count(end)} {end}" for end in sorted(set(ends)))


def run_both(
    way: Way, places: Mapping[str, dict[str, Any]], tests: Path, labels: Sequence[str]
) -> dict[str, Outcomes] | None:
    """How each test ended, by backend; None where a run was cut short."""
    with contextlib.ExitStack() as stack:
        runs = {
            backend: stack.enter_context(running(backend, way, place, tests, labels))
            for backend, place in places.items()
        }
        deadline = time.monotonic() + LIMIT_S
        for process, _ in runs.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(1, deadline - time.monotonic()))
        found = {}
        for backend, (process, file) in runs.items():
            outcomes, last = read(file)
            if process.poll() not in (0, 1) or not outcomes:
                print(f"{backend}: exit {process.poll()} in {last}; {file.with_suffix('.log')}", flush=True)
                return None
            found[backend] = outcomes
        return found


@contextlib.contextmanager
def running(
    backend: str, way: Way, place: dict[str, Any], tests: Path, labels: Sequence[str]
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Django's runner, and the file that it writes outcomes into."""
    from conftest import environment

    file = CACHE / f"{os.getpid()}-{backend}.jsonl"
    file.unlink(missing_ok=True)
    options = {**place["OPTIONS"], **({"pool": True} if way.pool else {})}
    database = {**place, "ENGINE": ENGINES[backend], "OPTIONS": options}
    paths = [str(HERE)]
    if way.psycopg2:
        without = CACHE / "without-psycopg"
        without.mkdir(exist_ok=True)
        (without / "psycopg.py").write_text("raise ImportError('hidden')\n")
        paths.insert(0, str(without))
    variables = {
        "SUITE_DATABASES": json.dumps({"default": database, "other": {**database, "NAME": "other"}}),
        "SUITE_OUTCOMES": str(file),
        "PYTHONPATH": os.pathsep.join(paths),
    }
    with file.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "runtests.py", "--settings=suite_settings", "--parallel=1", "--noinput", *labels],
            cwd=tests, env=environment() | variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield process, file
        finally:
            process.kill()
            process.wait()


def read(file: Path) -> tuple[Outcomes, str]:
    """How each test ended, and which began last. The worse end counts: clean-up may fail after a test passed."""
    ranks = ["passed", "skipped", "failed as expected", "passed unexpectedly", "failed", "error"]
    outcomes: Outcomes = {}
    last = "no test"
    for line in file.read_text("utf-8").splitlines() if file.exists() else ():
        end, test, text = json.loads(line)
        if end == "began":
            last = test
        elif test not in outcomes or ranks.index(end) > ranks.index(outcomes[test][0]):
            outcomes[test] = (end, text)
    return outcomes, last


@contextlib.contextmanager
def servers(way: Way) -> Iterator[dict[str, dict[str, Any]]]:
    """Settings of a database for each backend, without its engine."""
    with contextlib.ExitStack() as stack:
        if way.platform:
            from fix_platform import new_home, platform_in

            platform = stack.enter_context(platform_in(new_home(), DORMOUSE_ERRORS=way.errors))
            yield {backend: project_on(platform) for backend in ENGINES}
            return
        from conftest import Postgres, _folder, _free_port

        found = {}
        for backend in ENGINES:
            server = Postgres(stack.enter_context(_folder()), _free_port())
            server.run(
                "initdb", "-D", server.data, "-U", "owner", "-A", "trust", "--no-sync", "--encoding=UTF8",
                "--locale=C.UTF-8",
            )  # fmt: skip
            server.start()
            stack.callback(server.stop)
            found[backend] = of_url(server.url(database="postgres"))
        yield found


def project_on(platform: Any) -> dict[str, Any]:
    """A project whose role may make the extensions that Django's tests need."""
    import psycopg
    from fix_platform import rows

    from dormouse.compute.account import server_account
    from dormouse.compute.conf import ADMIN_ROLE
    from dormouse.home import socket_root
    from dormouse.storage.layout import Layout

    made = platform.create(suspend_timeout_seconds=-1)
    # Its compute starts: through the proxy one waits for that.
    rows(made.url)
    place = of_url(made.url)
    root = socket_root(Layout(platform.home), server_account(), os.environ.get("XDG_RUNTIME_DIR"))
    with psycopg.connect(
        host=str(root / made.primary.rpartition("-")[2]), port=5432, user=ADMIN_ROLE, dbname=place["NAME"]
    ) as admin:
        admin.execute(f'ALTER ROLE "{place["USER"]}" SUPERUSER')
    return place


def of_url(url: str) -> dict[str, Any]:
    """Django's settings, by libpq's own parser."""
    from psycopg import conninfo

    there = conninfo.conninfo_to_dict(url)
    return {
        "HOST": there.pop("host"),
        "PORT": there.pop("port"),
        "USER": there.pop("user"),
        "PASSWORD": there.pop("password", ""),
        "NAME": there.pop("dbname"),
        "OPTIONS": there,
    }


if __name__ == "__main__":
    sys.exit(main())
