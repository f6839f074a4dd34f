from typing import Any

import pytest

from django_dormouse.backend.addresses import spread_out

NAMES = {"one.example": ["10.0.0.1"], "two.example": ["10.0.0.2", "fd00::2"]}


def resolve(host: str, port: str) -> list[str]:
    if host not in NAMES:
        raise OSError("name or service not known")
    return NAMES[host]


@pytest.mark.parametrize(
    ("given", "added", "count"),
    [
        ({"host": "one.example"}, {"hostaddr": "10.0.0.1"}, 1),
        ({"host": "two.example"}, {"host": "two.example,two.example", "hostaddr": "10.0.0.2,fd00::2"}, 2),
        (
            {"host": "two.example,one.example", "port": "5,6"},
            {
                "host": "two.example,two.example,one.example",
                "hostaddr": "10.0.0.2,fd00::2,10.0.0.1",
                "port": "5,5,6",
            },
            3,
        ),
        ({"host": "one.example,10.0.0.9", "port": 5}, {"hostaddr": "10.0.0.1,", "port": "5,5"}, 2),
        ({"host": "/run/postgresql"}, {}, 1),
        ({"host": "10.0.0.1,10.0.0.2"}, {}, 2),
        ({"host": "a.localhost", "hostaddr": "127.0.0.1"}, {}, 1),
        ({"host": "unknown.example,one.example"}, {}, 2),
        ({"host": "one.example,two.example", "port": "1,2,3"}, {}, 2),
        ({"service": "mine"}, {}, 1),
        ({}, {}, 1),
    ],
)
def test_each_address_is_an_entry_of_its_own(given: dict[str, Any], added: dict[str, Any], count: int) -> None:
    assert spread_out(given, resolve) == (given | added, count)
