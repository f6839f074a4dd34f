"""Between the records and JSON, for any dataclass whose fields are of these types:

`str` and its NewTypes, `int`, `float`, `bool`, `datetime`, a dataclass, `tuple[X, ...]`, `Mapping[str, X]`,
`object` (whatever JSON holds), and `X | None`.

Read generously, written strictly: unknown fields are passed over; None is left out, and moments are in whole
seconds and UTC. A moment that chooses between two commits needs more than seconds: its field is marked `EXACT`.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from dormouse.api.errors import Malformed

__all__ = ["EXACT", "exact_moment_text", "from_json", "list_from_json", "moment_text", "to_json"]

T = TypeVar("T")

Read = Callable[[object, str], Any]
"""From a JSON value and its place in the document; raises Malformed."""
Write = Callable[[Any], object] | None
"""None where the value is its own JSON."""

EXACT: Final = MappingProxyType({"moment": "exact"})
"""Metadata of a field whose moment is written to the microsecond."""


def to_json(record: Any) -> dict[str, Any]:
    """The JSON object of a record."""
    written: dict[str, Any] = {}
    for name, write in _writers(type(record)):
        value = getattr(record, name)
        if value is not None:
            written[name] = value if write is None else write(value)
    return written


def from_json(kind: type[T], value: object, where: str = "") -> T:
    """The record in a JSON value. Raises Malformed, which names the place, and the types expected and found."""
    given = _object(value, where)
    found = {}
    for name, read, required in _readers(kind):
        inner = given.get(name)
        if inner is not None:
            found[name] = read(inner, f"{where}.{name}" if where else name)
        elif required:
            raise Malformed(f"{where or kind.__name__}: field {name!r} is missing")
    return kind(**found)


def list_from_json(kind: type[T], value: object) -> tuple[T, ...]:
    """The records in a JSON list. Raises Malformed."""
    return tuple(from_json(kind, item, f"[{at}]") for at, item in enumerate(_list(value, "")))


def moment_text(moment: datetime) -> str:
    """`2025-01-16T21:01:59Z`"""
    # Not strftime: it writes the year of "unset", 0001, as 1.
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def exact_moment_text(moment: datetime) -> str:
    """`2025-01-16T21:01:59.250000Z`, or without a fraction where there is none."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _writers(kind: type[Any]) -> tuple[tuple[str, Write], ...]:
    if (known := _WRITERS.get(kind)) is None:
        hints = get_type_hints(kind)
        known = _WRITERS[kind] = tuple((each.name, _write_field(each, hints[each.name])) for each in fields(kind))
    return known


def _readers(kind: type[Any]) -> tuple[tuple[str, Read, bool], ...]:
    if (known := _READERS.get(kind)) is None:
        hints = get_type_hints(kind)
        known = tuple((each.name, _read(hints[each.name]), _is_required(each)) for each in fields(kind))
        _READERS[kind] = known
    return known


def _is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _write_field(each: Field[Any], hint: Any) -> Write:
    return exact_moment_text if each.metadata.get("moment") == "exact" else _write(hint)


def _write(hint: Any) -> Write:
    hint = _plain(hint)
    if hint is datetime:
        return moment_text
    if is_dataclass(hint):
        return to_json
    if get_origin(hint) is tuple:
        one = _write(get_args(hint)[0])
        return list if one is None else lambda values: [one(value) for value in values]
    if get_origin(hint) is Mapping:
        inner = _write(get_args(hint)[1])
        return dict if inner is None else lambda values: {key: inner(value) for key, value in values.items()}
    return None


def _read(hint: Any) -> Read:
    hint = _plain(hint)
    if is_dataclass(hint):
        return lambda value, where: from_json(cast(type[Any], hint), value, where)
    if get_origin(hint) is tuple:
        one = _read(get_args(hint)[0])
        return lambda value, where: tuple(
            one(item, f"{where}[{at}]") for at, item in enumerate(_list(value, where))
        )
    if get_origin(hint) is Mapping:
        inner = _read(get_args(hint)[1])
        return lambda value, where: {
            key: inner(item, f"{where}.{key}") for key, item in _object(value, where).items()
        }
    return _SCALARS[hint]


def _plain(hint: Any) -> Any:
    """The type below `| None` and NewType."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (arm for arm in get_args(hint) if arm is not NoneType)
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint


def _object(value: object, where: str) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    raise _unexpected("an object", value, where)


def _list(value: object, where: str) -> list[object]:
    if isinstance(value, list):
        return value
    raise _unexpected("a list", value, where)


def _str(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    raise _unexpected("a string", value, where)


def _bool(value: object, where: str) -> bool:
    if isinstance(value, bool):
        return value
    raise _unexpected("true or false", value, where)


def _int(value: object, where: str) -> int:
    # A server in JavaScript or Go may write a whole number as 0.0.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _unexpected("a whole number", value, where)


def _float(value: object, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _unexpected("a number", value, where)


def _moment(value: object, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_str(value, where))
    except ValueError:
        raise _unexpected("a moment (RFC 3339)", value, where) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _unexpected(expected: str, value: object, where: str) -> Malformed:
    # The type only: the value may be a password in the wrong place.
    return Malformed(f"{where or 'answer'}: expected {expected}, found {type(value).__name__}")


# What was worked out from a record's annotations, once per class.
_WRITERS: dict[type[Any], tuple[tuple[str, Write], ...]] = {}
_READERS: dict[type[Any], tuple[tuple[str, Read, bool], ...]] = {}

_SCALARS: dict[Any, Read] = {
    object: lambda value, _: value,
    str: _str,
    bool: _bool,
    int: _int,
    float: _float,
    datetime: _moment,
}
