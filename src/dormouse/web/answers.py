"""An answer of the API: a record, or a list of them, as JSON."""

import json
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from dormouse.api.json_form import to_json

__all__ = ["answer", "answer_list"]


def answer(record: Any, status: int = 200) -> Response:
    """The record as a JSON body, labelled as Neon labels it."""
    return _answer(to_json(record), status)


def answer_list(records: Iterable[Any]) -> Response:
    """The records as a bare JSON list."""
    return _answer([to_json(each) for each in records], 200)


def _answer(value: object, status: int) -> Response:
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, media_type="application/json; charset=utf-8")
