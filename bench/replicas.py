"""What reading from replicas costs, and what it brings.

python bench/replicas.py [ROUNDS]

One Postgres with two standbys; its commits reach the disk. A routed read, beside the same read by name; a request
that writes, through Django's usual middleware, with router and position, and in a project that has no replica; the
example site, with two replicas and without: a form that is saved, pages that are read. The first two run in this
process, in turn.
"""

import http.client
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

# A script's folder comes first on the path, and bench/django.py is not the framework: so that folder comes last.
sys.path.append(sys.path.pop(0))
TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS / "integration/django_dormouse"), str(TESTS)]

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 21
SLICES = 20
READS = 50
WRITES = 10
"""In a slice."""
SITE_ROUNDS = max(11, ROUNDS // 2)
LOAD_S = 1.0
CLIENTS = 8
OURS = "django_dormouse.replicas.Middleware"
# As `startproject` has it, without what needs tables of its own.
USUAL = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


def main() -> None:
    configure()
    from conftest import Relay

    with servers() as (primary, standbys):
        in_this_process([primary, *standbys])
        relays = [Relay(server) for server in (primary, *standbys)]
        try:
            count_messages(relays)
        finally:
            for relay in relays:
                relay.close()
        throughput(primary, standbys)


def configure() -> None:
    import django
    from django.conf import settings

    settings.configure(
        USE_TZ=True, SECRET_KEY="only for the bench", INSTALLED_APPS=["django.contrib.contenttypes"],
        DATABASES={}, DATABASE_ROUTERS=["django_dormouse.replicas.Router"],
        ROOT_URLCONF=(),
        # Else the one table that is measured would be read from the primary only, and messages of the thread that
        # looks at lags be counted.
        DORMOUSE={"PRIMARY_ONLY": [], "LAG_CHECK_S": 3600}, ALLOWED_HOSTS=["*"],
    )  # fmt: skip
    django.setup()


@contextmanager
def servers() -> Iterator[tuple[Any, list[Any]]]:
    """A primary and its two standbys, on processors of their own where there are eight."""
    from conftest import Postgres, _folder, _free_port

    with ExitStack() as stack:
        primary = Postgres(stack.enter_context(_folder()), _free_port(), fsync="on")
        primary.run("initdb", "-D", primary.data, "-U", "owner", "-A", "trust", "--no-sync", "--locale=C")
        primary.start()
        stack.callback(primary.stop)
        primary.execute("CREATE DATABASE app")
        source = f"host=127.0.0.1 port={primary.port} user=owner"
        standbys = []
        for _ in range(2):
            standby = Postgres(stack.enter_context(_folder()), _free_port())
            standby.run("pg_basebackup", "-D", standby.data, "-d", source, "-R", "-c", "fast", "--no-sync")
            standby.start()
            stack.callback(standby.stop)
            standbys.append(standby)
        part_processors([primary, *standbys])
        yield primary, standbys


def part_processors(all_servers: list[Any]) -> None:
    processors = sorted(os.sched_getaffinity(0))
    share = len(processors) // 4
    if share < 2:
        print(f"{len(processors)} processors, shared by servers, site and load")
        return
    for number, server in enumerate(all_servers):
        os.sched_setaffinity(server.process.pid, processors[number * share : (number + 1) * share])
    os.sched_setaffinity(0, processors[3 * share :])
    print(f"{len(processors)} processors, a quarter for each server, a quarter for site and load")


def connect_to(servers: list[Any]) -> None:
    """Have Django's connections lead there, by their ports."""
    from django.db import connections

    connections.close_all()
    for alias, server in zip(("default", "replica", "replica2"), servers, strict=True):
        ours = {} if alias == "default" else {"REPLICA_OF": "default"}
        entry = {
            "ENGINE": "django_dormouse.backend", "HOST": "127.0.0.1", "PORT": server.port, "NAME": "app",
            "USER": "owner", "CONN_MAX_AGE": None, "OPTIONS": {"sslmode": "disable"}, "DORMOUSE": ours,
        }  # fmt: skip
        connections.settings[alias] = connections.configure_settings({"default": entry})["default"]
        connections[alias] = connections.create_connection(alias)


def in_this_process(servers: list[Any]) -> None:
    from django.contrib.contenttypes.models import ContentType
    from django.core.handlers.base import BaseHandler
    from django.db import connections, router
    from django.http import HttpRequest, HttpResponse
    from django.test import RequestFactory, override_settings
    from django.urls import path
    from django.views.decorators.csrf import csrf_exempt

    from django_dormouse.replicas import Middleware
    from measuring import in_slices, ratio_of

    connect_to(servers)
    with connections["default"].schema_editor() as editor:
        editor.create_model(ContentType)
    ContentType.objects.create(app_label="a", model="b")
    wait_for_replay(connections)

    def reads(*, routed: bool) -> Callable[[], float]:
        # As the router does it: each request another one.
        by_name = cycle([ContentType.objects.db_manager("replica"), ContentType.objects.db_manager("replica2")])

        def all_of_them() -> HttpResponse:
            objects = ContentType.objects if routed else next(by_name)
            for _ in range(READS):
                objects.get(pk=1)
            return HttpResponse()

        # In a request, as reads are: the middleware has looked at it, and one replica serves all of it.
        handler = Middleware(lambda _: all_of_them())
        return lambda: timed(lambda: handler(RequestFactory().get("/")))

    def requests(view: Callable[[HttpRequest], HttpResponse], *, told: bool) -> Callable[[], float]:
        handler = BaseHandler()
        with override_settings(MIDDLEWARE=[OURS, *USUAL] if told else USUAL):
            handler.load_middleware()
        urls = (path("", csrf_exempt(view)),)
        with_replicas, routers = connections.settings, router.routers

        def run() -> None:
            for _ in range(WRITES):
                request = RequestFactory().post("/")
                request.urlconf = urls
                answer = handler.get_response(request)
                assert answer.status_code == 200, answer.content

        def slice_of_them() -> float:
            if told:
                return timed(run)
            # A project that has one database, and no router.
            connections.settings, router.routers = {"default": with_replicas["default"]}, []
            try:
                return timed(run)
            finally:
                connections.settings, router.routers = with_replicas, routers

        return slice_of_them

    def compare(what: str, ours: Callable[[], float], peer: Callable[[], float]) -> None:
        print(f"{what}: {ratio_of(*in_slices(ROUNDS, SLICES, ours, peer))}", flush=True)

    compare("a routed read, beside the same by name", reads(routed=True), reads(routed=False))
    for what, view in (("a transaction", write), ("a write without one", autocommit_write)):
        with_it, without = requests(view, told=True), requests(view, told=False)
        compare(f"a request with {what} and its position, beside one without replicas", with_it, without)


def read(_: Any) -> Any:
    from django.contrib.contenttypes.models import ContentType
    from django.http import HttpResponse

    return HttpResponse(ContentType.objects.get(pk=1).model)


def write(_: Any) -> Any:
    from django.contrib.contenttypes.models import ContentType
    from django.db import transaction
    from django.http import HttpResponse

    with transaction.atomic():
        ContentType.objects.filter(pk=1).update(model="b")
    return HttpResponse()


def autocommit_write(_: Any) -> Any:
    from django.contrib.contenttypes.models import ContentType
    from django.http import HttpResponse

    ContentType.objects.filter(pk=1).update(model="b")
    return HttpResponse()


def alone(view: Callable[[Any], Any]) -> Callable[[Any], Any]:
    from django_dormouse.replicas import context

    def handler(request: Any) -> Any:
        context.end()
        return view(request)

    return handler


def count_messages(relays: list[Any]) -> None:
    from django.db import connections
    from django.test import RequestFactory

    from django_dormouse.replicas import Middleware

    connect_to(relays)
    wait_for_replay(connections)

    def messages(name: str, handler: Callable[[Any], Any], method: str, cookie: str = "") -> Any:
        request = RequestFactory().generic(method, "/", headers={"Cookie": cookie} if cookie else {})
        for relay in relays:
            relay.sent.clear()
        response = handler(request)
        counts = ", ".join(
            f"{len(relay.sent)} to {alias}"
            for alias, relay in zip(("primary", "replica", "replica2"), relays, strict=True)
            if relay.sent
        )
        print(f"messages of a request {name}: {counts}", flush=True)
        return response

    # All turns once, so that all connections are open.
    for _ in range(2):
        Middleware(read)(RequestFactory().get("/"))
        alone(write)(RequestFactory().post("/"))
    messages("that reads, of a user who did not write", Middleware(read), "GET")
    messages("that reads the same twice", Middleware(lambda request: (read(request), read(request))[1]), "GET")
    messages("with a transaction, without the middleware", alone(write), "POST")
    written = messages("with a transaction", Middleware(write), "POST")
    messages("with a write in autocommit, without the middleware", alone(autocommit_write), "POST")
    messages("with a write in autocommit", Middleware(autocommit_write), "POST")
    wait_for_replay(connections)
    cookie = "; ".join(f"{name}={morsel.coded_value}" for name, morsel in written.cookies.items())
    messages("that reads, of a user who wrote", Middleware(read), "GET", cookie)
    messages(
        "that reads twice, of a user who wrote",
        Middleware(lambda request: (read(request), read(request))[1]),
        "GET",
        cookie,
    )
    connections.close_all()


def wait_for_replay(connections: Any) -> None:
    """Until both replicas have what the primary has."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_flush_lsn()::text")
        [position] = cursor.fetchone()
    for alias in ("replica", "replica2"):
        with connections[alias].cursor() as cursor:
            behind = True
            while behind:
                cursor.execute("SELECT pg_last_wal_replay_lsn() < %s::pg_lsn", [position])
                [behind] = cursor.fetchone()


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def throughput(primary: Any, standbys: list[Any]) -> None:
    """The example site under read load, from two replicas and from the primary alone."""
    from hunt.serving import served

    from measuring import in_slices, in_turn, ratio_of

    primary.execute("CREATE DATABASE site")
    urls = [server.url(database="site") for server in (primary, *standbys)]

    with ExitStack() as stack:

        def site(*, replicas: bool, atomic: bool = False) -> int:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dormouse-bench-")))
            url = urls[0] + ("?atomic_requests=true" if atomic else "")
            opened = served(folder, url=url, replica_urls=tuple(urls[1:] if replicas else ()), router="dormouse")
            return stack.enter_context(opened).ports[0]

        for what, atomic in (("in one transaction", True), ("in autocommit", False)):
            with_replicas, alone = site(replicas=True, atomic=atomic), site(replicas=False, atomic=atomic)
            saving = in_slices(SITE_ROUNDS, SLICES, saves(with_replicas), saves(alone))
            print(f"a form of the site that is saved {what}, with two replicas beside none: {ratio_of(*saving)}")
        ours, peers = in_turn(SITE_ROUNDS, lambda: per_second(with_replicas), lambda: per_second(alone))
    print(
        f"pages of the site from two replicas, beside the primary alone: {ratio_of(ours, peers)} "
        f"({sorted(ours)[len(ours) // 2]:.0f} and {sorted(peers)[len(peers) // 2]:.0f} pages/s)"
    )


def saves(port: int) -> Callable[[], float]:
    """One visitor who saves notes, one after the other: what some of them take."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    token = "a" * 32
    headers = {"Cookie": f"csrftoken={token}", "Content-Type": "application/x-www-form-urlencoded"}
    form = urlencode({"csrfmiddlewaretoken": token, "title": "Nest", "content": "Moss first, then leaves."})

    def save() -> None:
        for _ in range(WRITES):
            connection.request("POST", "/create/", form, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 302, answer.status

    return lambda: timed(save)


def per_second(port: int) -> float:
    """Pages that a crowd of clients gets from the site, each over a connection of its own."""
    over = time.monotonic() + LOAD_S
    counts = [0] * CLIENTS

    def visit(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < over:
            connection.request("GET", "/")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            counts[number] += 1
        connection.close()

    began = time.monotonic()
    threads = [threading.Thread(target=visit, args=[number]) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - began)


if __name__ == "__main__":
    main()
