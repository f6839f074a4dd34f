"""System checks, and that each has its place in the docs."""

import re
from pathlib import Path

import pytest

from django_dormouse import checks, databases

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


WITH_REPLICA = from_url("postgresql:///d", "postgresql:///d?host=/tmp")


@pytest.mark.parametrize(
    ("found", "routers", "middleware", "expected"),
    [
        (WITH_REPLICA, [checks.ROUTER], [checks.MIDDLEWARE], []),
        (WITH_REPLICA, [], [checks.MIDDLEWARE], ["dormouse.W002"]),
        (WITH_REPLICA, [], [], ["dormouse.W002"]),
        (WITH_REPLICA, [checks.ROUTER], [], ["dormouse.W003"]),
        (from_url("postgresql:///d"), [], [], []),
        (from_url("postgresql:///d"), [checks.ROUTER], [], []),
    ],
)
def test_routing(found, routers, middleware, expected):
    assert ids(checks.check_routing(found, routers, middleware)) == expected


def test_each_check_has_its_section_and_each_section_its_check():
    source = Path(checks.__file__).read_text()
    in_code = set(re.findall(r'"(?:dormouse\.)?([EWI]0\d\d)"', source))

    assert in_code == set(re.findall(r"^## dormouse\.([EWI]0\d\d)", DOCS.read_text(), re.MULTILINE))
