from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from dormouse.web import fields

MANY = {str(number): "" for number in range(50)}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (fields.Lsn, '"16/B374D848"', 0x16B374D848),
        (fields.Lsn, '""', None),
        (fields.Lsn, "null", None),
        # The third digit after the point decides between two commits.
        (fields.Moment, '"2026-01-01T00:00:00.123Z"', datetime(2026, 1, 1, 0, 0, 0, 123_000, tzinfo=UTC)),
        (fields.Moment, '"2026-01-01t01:00:00.123456+01:00"', datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        (fields.Moment, '"2026-01-01T00:00:00.123456789Z"', datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        (fields.Count, "9223372036854775807", 9223372036854775807),
        (fields.Clock, '"23:59"', "23:59"),
        (fields.SettingName, '"auto_explain.log_min_duration"', "auto_explain.log_min_duration"),
        (fields.SettingValue, '"it\'s 100% ☃"', "it's 100% ☃"),
        (fields.LibraryName, '"pg_stat_statements"', "pg_stat_statements"),
        (fields.Annotations, '{"git": "feature/☃", "": ""}', {"git": "feature/☃", "": ""}),
        (fields.Annotations, str(MANY).replace("'", '"'), MANY),
    ],
)
def test_what_may_be_given(kind: Any, text: str, value: object) -> None:
    assert TypeAdapter(kind).validate_json(text, strict=True) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (fields.Lsn, "1"),
        (fields.Lsn, '"0/"'),
        (fields.Moment, "1767225600"),
        (fields.Moment, '"2026-02-31T00:00:00Z"'),
        (fields.Count, "-1"),
        (fields.Count, "9223372036854775808"),
        (fields.Clock, '"24:00"'),
        (fields.Clock, '"12:00\\n"'),
        (fields.SettingName, '"1st"'),
        (fields.SettingName, '"work_mem\\n"'),
        (fields.SettingName, f'"{"x" * 64}"'),
        (fields.SettingValue, '"a\\nb"'),
        (fields.SettingValue, f'"{"x" * 4097}"'),
        (fields.LibraryName, '"$libdir/x"'),
        (fields.LibraryName, '".."'),
        (fields.Annotations, str(MANY | {"one more": ""}).replace("'", '"')),
        (fields.Annotations, '{"a": null}'),
    ],
)
def test_what_may_not(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_json(text, strict=True)


def test_given_or_usual() -> None:
    assert fields.given(None, 7) == 7
    assert fields.given(0, 7) == 0
