from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from dormouse.api.bodies import ErrorBody, ProjectCreate, ProjectCreateRequest
from dormouse.api.errors import Malformed
from dormouse.api.json_form import EXACT, exact_moment_text, from_json, moment_text, to_json
from dormouse.names import BranchId


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    name: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    id: BranchId
    size: int
    weight: float
    is_green: bool
    born: datetime
    leaves: tuple[Leaf, ...]
    by_name: Mapping[str, Leaf]
    anything: Mapping[str, object]
    first: Leaf | None = None


BORN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TREE = Tree(
    id=BranchId("br-a-b-1"),
    size=3,
    weight=0.25,
    is_green=False,
    born=BORN,
    leaves=(Leaf(name="a"), Leaf(name="ü☃", at=BORN)),
    by_name={"a": Leaf(name="a")},
    anything={"x": [1, None]},
)
JSON: dict[str, Any] = {
    "id": "br-a-b-1",
    "size": 3,
    "weight": 0.25,
    "is_green": False,
    "born": "2026-01-02T03:04:05Z",
    "leaves": [{"name": "a"}, {"name": "ü☃", "at": "2026-01-02T03:04:05Z"}],
    "by_name": {"a": {"name": "a"}},
    "anything": {"x": [1, None]},
}


def test_record_to_json_leaves_out_none() -> None:
    assert to_json(TREE) == JSON


def test_json_to_record() -> None:
    assert from_json(Tree, JSON) == TREE


def test_unknown_fields_are_passed_over() -> None:
    assert from_json(Leaf, {"name": "a", "colour": "red"}) == Leaf(name="a")


def test_null_counts_as_absent() -> None:
    assert from_json(Leaf, {"name": "a", "at": None}) == Leaf(name="a")


def test_defaults_hold_for_absent_fields() -> None:
    assert from_json(ErrorBody, {"message": "no"}) == ErrorBody(message="no", code="", request_id=None)


@pytest.mark.parametrize("whole", [3, 3.0])
def test_whole_numbers_in_either_spelling(whole: object) -> None:
    assert from_json(Tree, JSON | {"size": whole}).size == 3


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z", "2026-01-02T04:04:05+01:00"])
def test_moments_in_any_spelling_of_rfc_3339(text: str) -> None:
    assert from_json(Leaf, {"name": "a", "at": text}).at == BORN


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"size": "3"}, "size: expected a whole number, found str"),
        ({"size": True}, "size: expected a whole number, found bool"),
        ({"size": 3.5}, "size: expected a whole number, found float"),
        ({"weight": "1"}, "weight: expected a number, found str"),
        ({"is_green": 0}, "is_green: expected true or false, found int"),
        ({"born": "yesterday"}, r"born: expected a moment \(RFC 3339\), found str"),
        ({"id": None}, "Tree: field 'id' is missing"),
        ({"leaves": {}}, "leaves: expected a list, found dict"),
        ({"leaves": [{"name": "a"}, 7]}, r"leaves\[1\]: expected an object, found int"),
        ({"leaves": [{}]}, r"leaves\[0\]: field 'name' is missing"),
        ({"first": {"name": 1}}, "first.name: expected a string, found int"),
        ({"by_name": {"a": {"name": 1}}}, "by_name.a.name: expected a string, found int"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(Malformed, match=f"^{complaint}$"):
        from_json(Tree, JSON | change)


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_whole_that_is_no_object(value: object) -> None:
    with pytest.raises(Malformed, match="expected an object"):
        from_json(Leaf, value)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2025, 1, 16, 21, 1, 59, 999999, tzinfo=UTC), "2025-01-16T21:01:59Z"),
        (datetime(2025, 1, 16, 23, 0, tzinfo=timezone(timedelta(hours=2))), "2025-01-16T21:00:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_moments_are_whole_seconds_in_utc(moment: datetime, text: str) -> None:
    assert moment_text(moment) == text


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    at: datetime | None = field(default=None, metadata=EXACT)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2025, 1, 16, 21, 1, 59, 999999, tzinfo=UTC), "2025-01-16T21:01:59.999999Z"),
        (datetime(2025, 1, 16, 21, 1, 59, 250000, tzinfo=UTC), "2025-01-16T21:01:59.250000Z"),
        (datetime(2025, 1, 16, 23, 0, tzinfo=timezone(timedelta(hours=2))), "2025-01-16T21:00:00Z"),
    ],
)
def test_a_moment_that_is_to_be_exact_keeps_its_fraction(moment: datetime, text: str) -> None:
    assert exact_moment_text(moment) == text
    assert to_json(Instant(at=moment)) == {"at": text}
    assert from_json(Instant, to_json(Instant(at=moment))).at == moment


def test_an_absent_exact_moment_stays_absent() -> None:
    assert to_json(Instant()) == {}


def test_request_holds_only_what_was_asked_for() -> None:
    assert to_json(ProjectCreateRequest(project=ProjectCreate())) == {"project": {}}
    assert to_json(ProjectCreateRequest(project=ProjectCreate(name="x"))) == {"project": {"name": "x"}}
