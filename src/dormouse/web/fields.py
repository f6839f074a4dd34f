"""What the fields of requests may hold: types for the border, with lengths, ranges and forms as Neon has them."""

import ipaddress
import re
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from dormouse.web.points import parse_lsn

__all__ = [
    "IDENTIFIER_BYTES",
    "Annotations",
    "Body",
    "Clock",
    "ComputeUnits",
    "Count",
    "Email",
    "EndpointName",
    "Id",
    "Identifier",
    "IpRange",
    "KeyName",
    "LibraryName",
    "Lsn",
    "Moment",
    "Retention",
    "SettingName",
    "SettingValue",
    "SuspendTimeout",
    "Title",
    "given",
]

T = TypeVar("T")

IDENTIFIER_BYTES: Final = 63
"""Postgres cuts longer names off, silently (manual, 4.1.1: NAMEDATALEN - 1)."""

# Postgres would take them all, in quotes. But names go into scripts, URLs and file names of their users, and one
# that means something there is a mistake or a trap.
_TRAPS: Final = re.compile(r'[\x00-\x1f\x7f"\\;]|(^|/)\.\.?(/|$)')
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_SQL_COMMENT: Final = re.compile(r"--|/\*")


def _is_identifier(text: str) -> str:
    if len(text.encode()) > IDENTIFIER_BYTES:
        raise ValueError(f"longer than {IDENTIFIER_BYTES} bytes")
    if _SQL_COMMENT.search(text):
        raise ValueError("holds the beginning of an SQL comment")
    return _is_harmless(text)


def _is_harmless(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a zero byte")
    if _TRAPS.search(text):
        raise ValueError(
            "holds a control character, a double quote, a semicolon, a backslash, or a step of a path"
        )
    return text


def _is_address(text: str) -> str:
    """An address, a network, or two addresses with a hyphen between: what Neon's allow list knows."""
    try:
        if "/" in text:
            ipaddress.ip_network(text, strict=False)
        else:
            for end in text.split("-", 1):
                ipaddress.ip_address(end)
    except ValueError:
        raise ValueError("is not an IP address, a network or a range") from None
    return text


def _is_one_line(text: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("holds a control character")
    return text


def _is_email(text: str) -> str:
    if not re.fullmatch(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+", text):
        raise ValueError("is not an e-mail address")
    return text


def _moment(value: object) -> datetime:
    """RFC 3339 alone, in UTC: pydantic would also take seconds since 1970, and a day without a time."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("is not a moment like 2026-12-01T00:00:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        # The 31st of a short month; year 1 or 9999, and an offset that leads beyond.
        raise ValueError("is a moment that there is not") from None


def _lsn(value: object) -> int | None:
    """An empty one is none: clients send it where nothing was chosen."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError("is not an LSN like 0/1FA22C0")
    return parse_lsn(value)


Identifier = Annotated[str, StringConstraints(min_length=1), AfterValidator(_is_identifier)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_is_harmless)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,60}$")]
Moment = Annotated[datetime, BeforeValidator(_moment)]
# 56 is the largest compute that Neon offers.
ComputeUnits = Annotated[float, Field(ge=0.25, le=56)]
SuspendTimeout = Annotated[int, Field(ge=-1, le=604800)]
Retention = Annotated[int, Field(ge=0, le=2592000)]
EndpointName = Annotated[str, StringConstraints(max_length=64), AfterValidator(_is_harmless)]
KeyName = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_is_harmless)]
Email = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_is_email)]
IpRange = Annotated[str, StringConstraints(max_length=100), AfterValidator(_is_address)]
# Of 63 bits, as Neon's numbers are.
Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Lsn = Annotated[int | None, BeforeValidator(_lsn), WithJsonSchema({"type": ["string", "null"]})]
# What lies in a server's library folder, and so no path.
LibraryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$")]
# The number is in Neon's document, the lengths are ours.
Annotations = Annotated[
    dict[Annotated[str, StringConstraints(max_length=256)], Annotated[str, StringConstraints(max_length=4096)]],
    Field(max_length=50),
]
# A parameter of Postgres, also one of an extension: `auto_explain.log_min_duration`.
SettingName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_$.]{0,62}$")]
SettingValue = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_is_one_line)]


class Body(BaseModel):
    """An object in a request: unknown fields are passed over, types are not converted."""

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        # Validators are made when a model is first used: a platform starts without them.
        defer_build=True,
    )


def given(asked: T | None, usual: T) -> T:
    """What was asked for, else what is usual."""
    return usual if asked is None else asked
