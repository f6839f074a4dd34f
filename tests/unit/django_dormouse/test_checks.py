"""System checks, and that each has its place in the docs."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from django_dormouse import capacity, checks, databases, server_checks

MODERN, OLD = 180006, 130005
DOCS = Path(__file__).parents[3] / "docs" / "reference" / "checks.md"


def ids(messages) -> list[str]:
    return [message.id for message in messages]


def from_url(url: str, replica: str = "") -> dict[str, dict[str, object]]:
    return databases({"DATABASE_URL": url, "DATABASE_REPLICA_URL": replica})


@pytest.mark.parametrize(
    "found",
    [
        from_url("postgresql:///d"),
        from_url("postgresql://u@db.x/d"),
        from_url("postgresql://u@ep-a-pooler.x/d"),
        from_url("postgresql://u@ep-a.x/d", "postgresql://u@ep-b.x/d postgresql://u@ep-c-pooler.x/d"),
        from_url("postgresql://u@db.x/d?sslrootcert=system"),
        from_url("postgresql:///?service=mine"),
    ],
)
def test_what_databases_writes_is_right(found):
    assert ids(checks.check_settings({}, found)) == []
    assert ids(checks.check_databases(found, MODERN)) == []


def by_hand(**entry: object) -> dict[str, dict[str, object]]:
    return {"default": {"ENGINE": "django_dormouse.backend", "HOST": "", "OPTIONS": {}, **entry}}


@pytest.mark.parametrize(
    ("found", "version", "expected"),
    [
        (by_hand(HOST="db.x"), MODERN, ["W008"]),
        (by_hand(HOST="db.x", OPTIONS={"sslmode": "prefer"}), MODERN, ["W008"]),
        (by_hand(HOST="db.x", ENGINE="django.db.backends.postgresql"), MODERN, []),
        (by_hand(HOST="ep-a.x", OPTIONS={"sslmode": "require"}), OLD, ["W007"]),
        (by_hand(HOST="ep-a.x", OPTIONS={"sslmode": "require", "options": "endpoint=ep-a"}), OLD, []),
        (
            by_hand(HOST="a-pooler.x", OPTIONS={"sslmode": "require", "options": "-c a=b"}),
            MODERN,
            ["W005", "W006", "W009"],
        ),
        (by_hand(DORMOUSE={"REPLICA_OF": "default"}), MODERN, ["W010"]),
        (from_url("postgresql://u@a-pooler.x/d?options=-c%20a%3Db"), MODERN, ["W006"]),
    ],
)
def test_what_is_written_by_hand_is_looked_at(found, version, expected):
    assert ids(checks.check_databases(found, version)) == [f"dormouse.{number}" for number in expected]


@pytest.mark.parametrize(
    ("ours", "found"),
    [({"X": 1}, {}), ({}, {"default": {"DORMOUSE": {"X": 1}}}), ({"PRIMARY_ONLY": "auth"}, {})],
)
def test_malformed_settings_are_an_error(ours, found):
    assert ids(checks.check_settings(ours, found)) == ["dormouse.E001"]


SECURITY = "django.middleware.security.SecurityMiddleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
WITH_REPLICA = from_url("postgresql:///d", "postgresql:///d?host=/tmp")


@pytest.mark.parametrize(
    ("found", "routers", "middleware", "expected"),
    [
        (WITH_REPLICA, [checks.ROUTER], [checks.MIDDLEWARE], []),
        (WITH_REPLICA, [], [checks.MIDDLEWARE], ["dormouse.W002"]),
        (WITH_REPLICA, [], [], ["dormouse.W002"]),
        (WITH_REPLICA, [checks.ROUTER], [], ["dormouse.W003"]),
        (WITH_REPLICA, [checks.ROUTER], [SECURITY, checks.MIDDLEWARE, SESSIONS], []),
        (WITH_REPLICA, [checks.ROUTER], [SESSIONS, checks.MIDDLEWARE], ["dormouse.W022"]),
        (from_url("postgresql:///d"), [], [], []),
        (from_url("postgresql:///d"), [checks.ROUTER], [], []),
        (by_hand(DORMOUSE={"REPLICA_OF": "nobody"}), [], [], ["dormouse.E021"]),
        (
            {**WITH_REPLICA, "other": {"DORMOUSE": {"REPLICA_OF": "replica"}}},
            [checks.ROUTER],
            [checks.MIDDLEWARE],
            ["dormouse.E021"],
        ),
    ],
)
def test_routing(found, routers, middleware, expected):
    assert ids(checks.check_routing(found, routers, middleware)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", ["dormouse.I023"]), ("?conn_max_age=60", []), ("?conn_max_age=none", []), ("?pool=true", [])],
)
def test_connections_to_replicas_are_kept(query, expected):
    found = from_url("postgresql:///d", f"postgresql:///d{query}")

    assert ids(checks.check_deployment(found)) == expected


def test_each_check_has_its_section_and_each_section_its_check():
    source = "".join(Path(module.__file__).read_text() for module in (checks, server_checks))
    in_code = set(re.findall(r'"(?:dormouse\.)?([EWI]0\d\d)"', source))

    assert in_code == set(re.findall(r"^## dormouse\.([EWI]0\d\d)", DOCS.read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (by_hand(OPTIONS={"pool": True}, CONN_MAX_AGE=60), ["E014"]),
        (by_hand(OPTIONS={"pool": True}, CONN_MAX_AGE=None), ["E014"]),
        (by_hand(OPTIONS={"pool": True}, CONN_MAX_AGE=0), []),
        (by_hand(NAME="shop", TEST={"NAME": "shop"}), ["E017"]),
        (by_hand(NAME="shop", TEST={"NAME": "test_shop"}), []),
        (by_hand(TEST={"MIRROR": "nowhere"}), ["E017"]),
        (by_hand(OPTIONS={"connect_timeout": "soon"}), ["E020"]),
        (by_hand(OPTIONS={"connect_timeout": 5, "keepalives": 1}), []),
        (by_hand(OPTIONS={"sslmode": "required"}), ["E020"]),
        (by_hand(HOST="/a,/b", PORT="1,2,3"), ["E020"]),
        (by_hand(OPTIONS={"sslrootcert": "system", "sslmode": "require"}), ["E020"]),
    ],
)
def test_what_django_or_libpq_would_refuse(found, expected):
    assert ids(checks.check_databases(found, MODERN)) == [f"dormouse.{number}" for number in expected]


def test_timeouts_that_a_pooler_ignores_come_with_the_statements_that_set_them():
    found = databases(
        {"DATABASE_URL": "postgresql://ap%22p@a-pooler.x/d?options=-c%20a.b%3D1%5C%202"}, lock_timeout="3s"
    )

    [message] = checks.check_databases(found, MODERN)

    assert message.id == "dormouse.W006"
    assert 'ALTER ROLE "ap""p" SET a.b = \'1 2\'; ALTER ROLE "ap""p" SET lock_timeout = \'3s\';' in message.hint


def test_the_endpoint_of_an_old_libpq_is_no_timeout():
    found = by_hand(
        HOST="ep-a-pooler.x",
        OPTIONS={"sslmode": "require", "options": "endpoint=ep-a-pooler"},
        DISABLE_SERVER_SIDE_CURSORS=True,
        DORMOUSE={"REPLICA_OF": "x"},
        TEST={"MIRROR": "default"},
    )

    assert ids(checks.check_databases(found, OLD)) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql:///d", []),
        ("postgresql://db.x/d", ["dormouse.W015"]),
        ("postgresql://db.x/d?sslmode=verify-ca", ["dormouse.W015"]),
        ("postgresql://db.x/d?sslmode=verify-full", []),
        ("postgresql://db.x/d?sslrootcert=system", []),
        ("postgresql://db.x/d?sslmode=disable", []),
    ],
)
def test_a_server_that_nobody_verifies(url, expected):
    assert ids(checks.check_deployment(from_url(url))) == expected


ANSWER = server_checks.Answer(
    in_recovery=False, clock_ahead_s=0.0, time_zone="UTC", max_connections=100, reserved=3
)


@pytest.mark.parametrize(
    ("changed", "total", "expected"),
    [
        ({}, 97, []),
        ({}, 98, ["W016"]),
        ({"clock_ahead_s": 2.5}, 1, ["W018"]),
        ({"clock_ahead_s": -90.0}, 1, ["W018"]),
        ({"time_zone": "Europe/Berlin"}, 1, ["I019"]),
        ({"in_recovery": True}, 1, ["E012"]),
    ],
)
def test_what_a_server_says(monkeypatch, changed, total, expected):
    monkeypatch.setattr(server_checks, "connections", SimpleNamespace(settings={"default": {}}))
    wanted = capacity.Demand(instances=1, workers=1, each=total)

    found = server_checks.check_answer("default", replace(ANSWER, **changed), "UTC", wanted)

    assert ids(found) == [f"dormouse.{number}" for number in expected]


def test_all_aliases_of_one_server_share_its_connections(monkeypatch):
    here = {"ENGINE": checks.ENGINE, "HOST": "db.x", "PORT": "", "OPTIONS": {}}
    found = {
        "default": here | {"OPTIONS": {"pool": {"max_size": 5}}},
        "stock": here,
        "direct": here | {"DORMOUSE": {"DIRECT_OF": "default"}},
        "elsewhere": here | {"HOST": "other.x"},
        "pooled": here | {"DORMOUSE": {"POOLED": True}},
        "sqlite": here | {"ENGINE": "django.db.backends.sqlite3"},
    }
    monkeypatch.setattr(server_checks, "connections", SimpleNamespace(settings=found))
    monkeypatch.setenv("WEB_CONCURRENCY", "2")

    wanted = {alias: server_checks.demand_of(alias) for alias in ("default", "elsewhere", "pooled")}

    assert wanted["default"].total == (5 + 1) * 2
    assert wanted["elsewhere"].total == 2
    assert wanted["pooled"] is None


@pytest.mark.parametrize(
    ("options", "workers", "threads", "environ", "total"),
    [
        ({}, None, 1, {}, 2),
        ({}, None, 1, {"WEB_CONCURRENCY": "4"}, 8),
        ({}, 3, 1, {"WEB_CONCURRENCY": "4"}, 6),
        ({}, None, 5, {"WEB_CONCURRENCY": "many"}, 10),
        ({"pool": True}, 1, 5, {}, 8),
        ({"pool": {"max_size": 20}}, 4, 1, {}, 160),
        ({"pool": {"min_size": 2}}, 4, 1, {}, 16),
        ({"pool": False}, 1, 3, {}, 6),
    ],
)
def test_how_many_connections_a_project_may_open(options, workers, threads, environ, total):
    found = capacity.demand(options, instances=2, workers=workers, threads=threads, environ=environ)

    assert found.total == total
    assert capacity.sentence(found).endswith(f"= {total}")
