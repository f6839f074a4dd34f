"""What was sent where, and why, where somebody wants to see it: in `Server-Timing`, in the debug toolbar."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django_dormouse.replicas.context import Unit, current
from django_dormouse.replicas.deciding import Reason

__all__ = ["Statement", "as_rows", "recording", "server_timing", "statements"]

# RFC 9110, 5.6.2: what a name in a header may be made of.
_NO_TOKEN = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One that was sent."""

    alias: str
    reason: Reason
    sql: str
    """Without its parameters."""
    duration_ms: float


def statements() -> tuple[Statement, ...]:
    """What this request has sent until now; nothing where nobody wants to see it (`SERVER_TIMING`, the panel)."""
    return tuple(current().statements or ())


@contextmanager
def recording(unit: Unit, alias: str, sql: str, reason: Reason) -> Iterator[None]:
    """Write down what is sent while the block runs, whether it fails or not."""
    started = time.perf_counter()
    try:
        yield
    finally:
        if unit.statements is not None:
            duration_ms = (time.perf_counter() - started) * 1000
            unit.statements.append(Statement(alias=alias, reason=reason, sql=sql, duration_ms=duration_ms))


def server_timing(statements: Sequence[Statement]) -> str:
    """The header's value (W3C, Server Timing): a metric for each database. Empty if nothing was sent."""
    metrics = []
    for alias in sorted({statement.alias for statement in statements}):
        own = [statement for statement in statements if statement.alias == alias]
        reasons: dict[str, int] = {}
        for statement in own:
            reasons[statement.reason.value] = reasons.get(statement.reason.value, 0) + 1
        told = ", ".join(f"{count} x {reason}" for reason, count in reasons.items())
        spent_ms = sum(statement.duration_ms for statement in own)
        metrics.append(f'{_NO_TOKEN.sub("-", alias)};dur={spent_ms:.1f};desc="{told}"')
    return ", ".join(metrics)


def as_rows(statements: Sequence[Statement]) -> list[dict[str, Any]]:
    """For a template, or JSON."""
    return [
        {
            "alias": statement.alias,
            "reason": statement.reason.value,
            "sql": statement.sql,
            "duration_ms": round(statement.duration_ms, 2),
        }
        for statement in statements
    ]
