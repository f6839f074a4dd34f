import random
import re
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.names import (
    EndpointHost,
    EndpointId,
    host_of,
    is_endpoint_id,
    new_branch_id,
    new_endpoint_id,
    new_incarnation,
    new_operation_id,
    new_password,
    new_project_id,
    owner_of,
    parse_host,
)

SUFFIX = "dormouse.localhost"
SEEDS = st.integers(0, 1 << 64)


@pytest.mark.parametrize(
    ("make", "form"),
    [
        (new_project_id, r"[a-z]+-[a-z]+-[0-9]{8}"),
        (new_branch_id, r"br-[a-z]+-[a-z]+-[a-z0-9]{8}"),
        (new_endpoint_id, r"ep-[a-z]+-[a-z]+-[a-z0-9]{8}"),
        (new_incarnation, r"[0-9a-f]{32}"),
        (new_password, r"npg_[A-Za-z0-9]{12}"),
    ],
)
@given(seed=SEEDS)
def test_what_is_made_has_the_form_of_its_kind(make: Callable[[random.Random], str], form: str, seed: int) -> None:
    assert re.fullmatch(form, make(random.Random(seed)))


@given(SEEDS)
def test_operation_ids_are_random_uuids(seed: int) -> None:
    assert uuid.UUID(new_operation_id(random.Random(seed))).version == 4


@given(SEEDS)
def test_same_chance_gives_the_same_id(seed: int) -> None:
    assert new_branch_id(random.Random(seed)) == new_branch_id(random.Random(seed))


@given(SEEDS)
def test_one_chance_gives_other_ids_each_time(seed: int) -> None:
    chance = random.Random(seed)

    assert new_incarnation(chance) != new_incarnation(chance)


@given(SEEDS, st.booleans())
def test_host_of_an_endpoint_is_read_back(seed: int, pooled: bool) -> None:
    endpoint = new_endpoint_id(random.Random(seed))

    assert parse_host(host_of(endpoint, SUFFIX, pooled=pooled), SUFFIX) == EndpointHost(endpoint, pooled)


def test_pooled_host_differs_in_its_label_only() -> None:
    assert host_of(EndpointId("ep-a"), SUFFIX) == "ep-a.dormouse.localhost"
    assert host_of(EndpointId("ep-a"), SUFFIX, pooled=True) == "ep-a-pooler.dormouse.localhost"


@pytest.mark.parametrize("host", ["EP-A.Dormouse.LOCALHOST", "ep-a.dormouse.localhost."])
def test_letter_case_and_a_final_dot_do_not_matter(host: str) -> None:
    assert parse_host(host, "Dormouse.localhost") == EndpointHost(EndpointId("ep-a"))


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "ep-a",
        SUFFIX,
        f".{SUFFIX}",
        f"-pooler.{SUFFIX}",
        f"ep-a.{SUFFIX}..",
        f"ep-a.b.{SUFFIX}",
        f"ep_a.{SUFFIX}",
        f"ep a.{SUFFIX}",
        f"ep-☃.{SUFFIX}",
        f"ep%2da.{SUFFIX}",
        f"{'a' * 64}.{SUFFIX}",
        f"ep-a.{SUFFIX}\n",
        "ep-a.dormouse.localhost.example.org",
        "ep-a.example.org",
    ],
)
def test_other_hosts_are_not_ours(host: str) -> None:
    assert parse_host(host, SUFFIX) is None


@given(st.text())
def test_any_text_is_a_host_of_ours_or_none(text: str) -> None:
    found = parse_host(f"{text}.{SUFFIX}", SUFFIX)

    assert found is None or is_endpoint_id(found.endpoint)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ep-calm-hill-a5x6y7z8", True),
        ("a", True),
        ("a" * 63, True),
        ("", False),
        ("a" * 64, False),
        ("EP-A", False),
        ("ep_a", False),
        ("ep.a", False),
        ("ep/../a", False),
        ("'ep'", False),
        ("ep-é", False),
        ("ep-٣", False),
        ("ep-a\n", False),
    ],
)
def test_endpoint_ids_are_one_dns_label(text: str, expected: bool) -> None:
    assert is_endpoint_id(text) is expected


def test_owner_of_a_database() -> None:
    assert owner_of("neondb") == "neondb_owner"
