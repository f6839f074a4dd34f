"""The setting DORMOUSE."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_dormouse import settings


@pytest.mark.parametrize(
    ("given", "app", "model", "expected"),
    [
        ({}, "auth", "User", True),
        ({}, "sessions", "Session", True),
        ({}, "library", "Note", False),
        ({"PRIMARY_ONLY": ["library"]}, "library", "Note", True),
        ({"PRIMARY_ONLY": ["library.Note"]}, "library", "Note", True),
        ({"PRIMARY_ONLY": ["library.note"]}, "library", "Shelf", False),
        ({"PRIMARY_ONLY": []}, "auth", "Group", False),
        ({"PRIMARY_ONLY": []}, "people", "Person", True),
    ],
)
def test_primary_only(given, app, model, expected):
    assert (
        settings.parse(given, user_model="people.Person").is_primary_only(app, f"{app}.{model}".lower())
        is expected
    )


@pytest.mark.parametrize(
    "given",
    [
        [],
        {"NONSENSE": 1},
        {"PRIMARY_ONLY": "auth"},
        {"PRIMARY_ONLY": [1]},
        {"PRIMARY_ONLY": 5},
        {"MONOTONIC": 1},
        {"REPLICA_WAIT_MS": -1},
        {"REPLICA_WAIT_MS": 1.5},
        {"REPLICA_WAIT_MS": True},
    ],
)
def test_what_is_malformed_is_named(given):
    with pytest.raises(ImproperlyConfigured, match="DORMOUSE"):
        settings.parse(given)


def test_tests_may_override_it():
    with override_settings(DORMOUSE={"PRIMARY_ONLY": ["library"]}):
        assert settings.current().is_primary_only("library", "library.note")
    assert not settings.current().is_primary_only("library", "library.note")
