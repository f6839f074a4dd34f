import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.encoding import from_json, is_nested, to_json
from dormouse.control.model import Branch, Endpoint, EndpointDefaults, EndpointSettings, ProjectSettings
from dormouse.control.past import Copies, Kept, ScheduleItem
from dormouse.control.planning import Origin
from dormouse.control.rewinding import Settled
from dormouse.names import BranchId, Incarnation

NOW = datetime(2026, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=-30))])

st.register_type_strategy(datetime, st.datetimes(timezones=ZONES))
# A number that is not equal to itself cannot be found to be read back.
st.register_type_strategy(float, st.floats(allow_nan=False))

KINDS = (Branch, Endpoint, EndpointDefaults, EndpointSettings, ProjectSettings, Origin, Copies, Kept, Settled)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_any_record_is_read_back(kind: type, data: st.DataObject) -> None:
    record = data.draw(st.from_type(kind))

    text = to_json(record)

    assert from_json(kind, text) == record
    assert text.isascii()


@given(st.lists(st.from_type(ScheduleItem)).map(tuple), st.dictionaries(st.text(), st.integers()))
def test_so_are_many_records_and_what_has_a_name(items: tuple[ScheduleItem, ...], named: dict[str, int]) -> None:
    assert from_json(tuple[ScheduleItem, ...], to_json(items)) == items
    assert from_json(Mapping[str, int], to_json(named)) == named


class Word(StrEnum):
    ONE = "1"


class Sign(Enum):
    NO = False


@dataclass(frozen=True, kw_only=True)
class Inner:
    at: datetime | None = None
    word: Word = Word.ONE


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Inner
    many: tuple[Inner, ...] = ()
    named: Mapping[str, Inner] = field(default_factory=dict)
    maybe: Inner | None = None
    numbers: tuple[int, ...] = ()
    sign: Sign = Sign.NO


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Inner(), {"at": None, "word": "1"}),
        (Inner(at=NOW), {"at": "2026-01-01T12:00:00.123456+00:00", "word": "1"}),
        ((), []),
        ((1, None, "☃", 0.5, True), [1, None, "☃", 0.5, True]),
        ({"it's 100% ☃": Word.ONE}, {"it's 100% ☃": "1"}),
        (
            Outer(inner=Inner(), many=(Inner(), Inner()), named={"a": Inner()}, numbers=(1,)),
            {
                "inner": {"at": None, "word": "1"},
                "many": [{"at": None, "word": "1"}] * 2,
                "named": {"a": {"at": None, "word": "1"}},
                "maybe": None,
                "numbers": [1],
                "sign": False,
            },
        ),
    ],
)
def test_what_it_looks_like(value: object, plain: object) -> None:
    assert json.loads(to_json(value)) == plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # A field that an earlier version did not write takes its default.
        ('{"inner": {}}', Outer(inner=Inner())),
        ('{"inner": {"at": null}, "many": [{}]}', Outer(inner=Inner(), many=(Inner(),))),
        # One that a later version wrote is left out, wherever it is.
        ('{"inner": {"later": 1}, "later": {"a": [1]}}', Outer(inner=Inner())),
        ('{"inner": {}, "named": {"a": {"later": null}}}', Outer(inner=Inner(), named={"a": Inner()})),
        ('{"inner": {}, "maybe": {}}', Outer(inner=Inner(), maybe=Inner())),
        ('{"inner": {"at": "2026-01-01T13:00:00.123456+01:00"}}', Outer(inner=Inner(at=NOW))),
    ],
)
def test_other_versions_texts_are_read(text: str, value: Outer) -> None:
    assert from_json(Outer, text) == value


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_every_field_with_a_default_may_be_missing(kind: type, data: st.DataObject) -> None:
    record = data.draw(st.from_type(kind))
    optional = [each for each in dataclasses.fields(kind) if has_default(each)]
    missing = data.draw(st.lists(st.sampled_from(optional), unique=True) if optional else st.just([]))

    plain = json.loads(to_json(record))
    for each in missing:
        del plain[each.name]

    expected = {each.name: default_of(each) for each in missing}
    assert from_json(kind, json.dumps(plain)) == dataclasses.replace(record, **expected)


@pytest.mark.parametrize(
    ("text", "error"),
    [("", ValueError), ("{", ValueError), ("{}", TypeError), ('{"inner": {"word": "2"}}', ValueError)],
)
def test_what_cannot_be_read_is_no_record(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        from_json(Outer, text)


@pytest.mark.parametrize(
    ("hint", "nested"),
    [
        (Origin, True),
        (tuple[int, ...], True),
        (Mapping[str, str], True),
        (dict[str, str], True),
        (str, False),
        (datetime, False),
        (Word, False),
        (BranchId, False),
        (Incarnation, False),
        # The catalog takes the None away first.
        (Origin | None, False),
    ],
)
def test_what_one_column_holds_as_json(hint: Any, nested: bool) -> None:
    assert is_nested(hint) is nested


def has_default(found: "dataclasses.Field[Any]") -> bool:
    return found.default is not dataclasses.MISSING or found.default_factory is not dataclasses.MISSING


def default_of(found: "dataclasses.Field[Any]") -> Any:
    return found.default if found.default is not dataclasses.MISSING else found.default_factory()  # type: ignore[misc]
