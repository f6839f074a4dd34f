"""Records within records, as JSON text: what one column of the catalog holds. Pure.

Only types that the records are made of are known: dataclasses, tuples, mappings of texts, moments, enumerations,
texts, numbers, None. A field that an earlier version did not write takes its default.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

__all__ = ["from_json", "is_nested", "to_json"]


def is_nested(hint: Any) -> bool:
    """Whether a field of this type is kept as JSON."""
    origin = typing.get_origin(hint)
    return dataclasses.is_dataclass(hint) or origin is tuple or _is_mapping(origin)


def to_json(value: object) -> str:
    """The text of a dataclass, a tuple or a mapping."""
    return json.dumps(_plain(value))


def from_json(hint: Any, text: str) -> Any:
    """The value of type `hint` that `to_json` made `text` of."""
    return _value(hint, json.loads(text))


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case Enum():
            return value.value
        case tuple():
            return [_plain(each) for each in value]
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def _value(hint: Any, plain: Any) -> Any:
    if plain is None:
        return None
    if isinstance(hint, types.UnionType):
        (hint,) = (member for member in typing.get_args(hint) if member is not types.NoneType)
    origin = typing.get_origin(hint)
    if origin is tuple:
        (of, _) = typing.get_args(hint)
        return tuple(_value(of, each) for each in plain)
    if _is_mapping(origin):
        (_, of) = typing.get_args(hint)
        return {key: _value(of, each) for key, each in plain.items()}
    if hint is datetime:
        return datetime.fromisoformat(plain)
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return typing.cast("type", hint)(
            **{name: _value(hints[name], each) for name, each in plain.items() if name in hints}
        )
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(plain)
    return plain


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)
