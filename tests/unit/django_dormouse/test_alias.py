"""What DATABASES[alias]["DORMOUSE"] says."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_dormouse import alias


def test_an_alias_that_says_nothing():
    assert alias.of({}) == alias.AliasSettings(connect_deadline_s=15.0)


def test_a_replica_is_not_waited_for():
    assert alias.of({"DORMOUSE": {"REPLICA_OF": "default"}}).connect_deadline_s == 3.0


@pytest.mark.parametrize(
    "ours",
    [
        [],
        {"NONSENSE": 1},
        {"REPLICA_OF": 1},
        {"CONNECT_DEADLINE": 0},
        {"CONNECT_DEADLINE": True},
        {"CONNECT_DEADLINE": "1"},
    ],
)
def test_what_is_malformed_is_named(ours):
    with pytest.raises(ImproperlyConfigured):
        alias.of({"DORMOUSE": ours})


def test_replicas_of():
    databases = {
        "default": {},
        "b": {"DORMOUSE": {"REPLICA_OF": "default"}},
        "a": {"DORMOUSE": {"REPLICA_OF": "default"}},
        "direct": {"DORMOUSE": {"DIRECT_OF": "default"}},
        "elsewhere": {"DORMOUSE": {"REPLICA_OF": "legacy"}},
        "mirrored": {"DORMOUSE": {"REPLICA_OF": "default", "SHARES_CONNECTION_OF": "default"}},
    }

    assert alias.replicas_of("default", databases) == ("b", "a")
