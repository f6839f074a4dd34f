"""An answer of the API: a record as JSON."""

import json
from typing import Any

from starlette.responses import Response

from dormouse.api.json_form import to_json

__all__ = ["answer"]


def answer(record: Any, status: int = 200) -> Response:
    """The record as a JSON body, labelled as Neon labels it."""
    content = json.dumps(to_json(record), ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, media_type="application/json; charset=utf-8")
