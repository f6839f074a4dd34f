"""What Django's database access costs with this package's backend, beside Django's own.

python bench/django.py [ROUNDS]

Both backends run in this process, which keeps to one core, against one Postgres, in turn. A round is short, some
milliseconds, and there are many: what else the machine does then meets both halves of a round, or is one round of
hundreds.
"""

import logging
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A script's folder comes first on the path, and this file is not the framework: so that folder comes last.
sys.path.append(sys.path.pop(0))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/integration/django_dormouse"))

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 400
SLOW_ROUNDS = max(11, ROUNDS // 20)
"""Of what takes so long that it needs no repeating within a round."""
QUERIES = 10


def main() -> None:
    import django
    from django.conf import settings

    settings.configure(USE_TZ=True, INSTALLED_APPS=["django.contrib.contenttypes"], DATABASES={})
    django.setup()
    # psycopg_pool tells of each dead connection.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    from conftest import Postgres, _folder, _free_port, _offer_tls

    with _folder() as folder:
        server = Postgres(folder, _free_port())
        server.run("initdb", "-D", server.data, "-U", "owner", "-A", "trust", "--no-sync", "--encoding=UTF8",
                   "--locale=C.UTF-8")  # fmt: skip
        _offer_tls(server)
        server.start()
        try:
            server.execute("CREATE DATABASE app")
            measure(server)
        finally:
            server.stop()


def measure(server: Any) -> None:
    from django.contrib.contenttypes.models import ContentType
    from django.db import connections, transaction

    from measuring import cpu_ms, in_turn, ratio_of

    def configure(alias: str, engine: str, **more: Any) -> None:
        connections.settings[alias] = connections.configure_settings(
            {
                "default": {
                    "ENGINE": engine, "HOST": "127.0.0.1", "PORT": server.port, "NAME": "app", "USER": "owner",
                    "CONN_MAX_AGE": None, **more,
                }
            }
        )["default"]  # fmt: skip

    stock, ours = "django.db.backends.postgresql", "django_dormouse.backend"
    configure("default", stock)
    configure("ours", ours)
    with connections["default"].schema_editor() as editor:
        editor.create_model(ContentType)
    ContentType.objects.create(app_label="a", model="b")

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    def compare(what: str, work: Callable[[str], Callable[[], float]], rounds: int = ROUNDS) -> None:
        mine, theirs = in_turn(rounds, work("ours"), work("default"))
        print(f"{what}: {ratio_of(mine, theirs)}", flush=True)

    def repeated(statement: Callable[[], object], times: int = QUERIES) -> Callable[[], float]:
        def run() -> float:
            began = time.perf_counter()
            for _ in range(times):
                statement()
            return time.perf_counter() - began

        return run

    def write(alias: str) -> None:
        with transaction.atomic(using=alias):
            ContentType.objects.using(alias).filter(pk=1).update(model="b")

    compare("a query", lambda alias: repeated(lambda: ContentType.objects.using(alias).get(pk=1)))
    compare("a transaction that writes", lambda alias: repeated(lambda: write(alias), QUERIES // 2))
    kept = connections["ours"]
    looks = [cpu_ms(lambda: [kept.reopen_if_dead() for _ in range(1000)]) for _ in range(SLOW_ROUNDS)]
    print(f"a look at a kept connection: {statistics.median(looks):.1f} µs p50", flush=True)

    def reconnect(alias: str) -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
        connections[alias].close()

    tls = {"OPTIONS": {"sslmode": "require"}, "CONN_MAX_AGE": 0}
    if server.execute("SHOW ssl") == [("on",)]:
        configure("tls_default", stock, **tls)
        configure("tls_ours", ours, **tls)
        compare(
            "connect, query, close over TLS", lambda a: repeated(lambda: reconnect(f"tls_{a}"), 1), ROUNDS // 4
        )
    else:
        print("connect over TLS: this Postgres has none")

    trips(server, connections, configure, stock, ours)
    dead_pools(server, connections, configure, stock, ours)


def trips(server: Any, connections: Any, configure: Any, stock: str, ours: str) -> None:
    """What a client sends, seen from a relay."""
    from django.contrib.contenttypes.models import ContentType
    from django.db import transaction

    from conftest import Relay

    for name, engine, checks in (
        ("Django", stock, False), ("Django, CONN_HEALTH_CHECKS", stock, True), ("Dormouse", ours, False),
    ):  # fmt: skip
        relay = Relay(server)
        alias = f"relayed {name}"
        configure(alias, engine, PORT=relay.port, CONN_HEALTH_CHECKS=checks, OPTIONS={"sslmode": "disable"})
        ContentType.objects.using(alias).get(pk=1)
        counts = []

        def read(alias: str = alias) -> None:
            ContentType.objects.using(alias).get(pk=1)

        def write(alias: str = alias) -> None:
            with transaction.atomic(using=alias):
                ContentType.objects.using(alias).filter(pk=1).update(model="b")

        for work in (read, write):
            connections[alias].close_if_unusable_or_obsolete()
            relay.sent.clear()
            work()
            counts.append(len(relay.sent))
        print(f"messages of a request, {name}: {counts[0]} to read, {counts[1]} to write", flush=True)
        connections[alias].close()
        relay.close()


def dead_pools(server: Any, connections: Any, configure: Any, stock: str, ours: str) -> None:
    """The first request after the server cut five pooled connections."""
    from measuring import spread

    pool = {"CONN_MAX_AGE": 0, "OPTIONS": {"pool": {"min_size": 5, "max_size": 5}}}
    for name, engine, rounds, more in (
        ("Dormouse", ours, SLOW_ROUNDS, {}),
        ("Django, CONN_HEALTH_CHECKS", stock, 1, {"CONN_HEALTH_CHECKS": True}),
    ):  # fmt: skip
        alias = f"pooled {name}"
        configure(alias, engine, **pool, **more)
        took = []
        for _ in range(rounds):
            ask(connections[alias])
            while connections[alias].pool.get_stats()["pool_available"] < 5:
                time.sleep(0.01)
            server.cut_all()
            began = time.perf_counter()
            ask(connections[alias])
            took.append((time.perf_counter() - began) * 1000)
        print(f"first request after five pooled connections died, {name}: {spread(took)}", flush=True)
        connections[alias].close_pool()


def ask(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.close()


if __name__ == "__main__":
    main()
