"""Computes as the console shows them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dormouse.api.local import FaultInForce
from dormouse.control.model import Endpoint, EndpointType, ReplicaLag, Vitals
from dormouse.names import EndpointId
from dormouse.sizes import size_text
from dormouse.web.console.states import State, state_of
from dormouse.web.console.trends import Chart, Sample, chart, rates
from dormouse.web.console.wording import duration

__all__ = [
    "SUSPEND_TIMES",
    "ComputeCard",
    "Figure",
    "LiveCompute",
    "compute_card",
    "live_compute",
    "suspend_choices",
    "suspend_text",
]

SUSPEND_TIMES: Final = (
    ("0", "after 5 minutes (the default)"),
    ("60", "after a minute"),
    ("900", "after 15 minutes"),
    ("3600", "after an hour"),
    ("86400", "after a day"),
    ("-1", "never"),
)
"""What is offered, with `suspend_timeout_seconds` as the API has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number with its name, and its line over time."""

    name: str
    value: str
    chart: Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCompute:
    """What changes while one looks."""

    id: EndpointId
    state: State
    wake: str
    figures: tuple[Figure, ...]
    faults: str
    """What goes wrong on purpose; empty if nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeCard:
    """A compute."""

    id: EndpointId
    title: str
    name: str
    is_primary: bool
    host: str
    size: str
    min_cu: float
    max_cu: float
    suspend: str
    suspend_seconds: int
    suspend_choices: tuple[tuple[str, str], ...]
    disabled: bool
    live: LiveCompute


def compute_card(endpoint: Endpoint, host: str, live: LiveCompute) -> ComputeCard:
    """With its host name and port."""
    least, most = endpoint.autoscaling_limit_min_cu, endpoint.autoscaling_limit_max_cu
    is_primary = endpoint.type is EndpointType.READ_WRITE
    return ComputeCard(
        id=endpoint.id,
        title="Primary" if is_primary else "Read replica",
        name=endpoint.name,
        is_primary=is_primary,
        host=host,
        size=f"{least:g} CU" if least == most else f"{least:g} to {most:g} CU",
        min_cu=least,
        max_cu=most,
        suspend=suspend_text(endpoint.suspend_timeout_seconds),
        suspend_seconds=endpoint.suspend_timeout_seconds,
        suspend_choices=suspend_choices(endpoint.suspend_timeout_seconds),
        disabled=endpoint.disabled,
        live=live,
    )


def live_compute(
    endpoint: Endpoint,
    vitals: Vitals,
    lag: ReplicaLag | None,
    samples: Sequence[Sample],
    faults: Iterable[FaultInForce],
) -> LiveCompute:
    """Of this moment, with the samples that led to it."""
    per_second = rates(samples)
    latest = per_second[-1] if per_second else None
    figures = [
        Figure(
            name="Connections",
            value="–" if vitals.connections is None else str(vitals.connections),
            chart=chart([each.connections for each in samples]),
        ),
        Figure(
            name="Queries per second",
            value="–" if latest is None else f"{latest:.0f}" if latest >= 10 else f"{latest:.1f}",
            chart=chart(per_second),
        ),
    ]
    if endpoint.type is EndpointType.READ_ONLY:
        figures += [
            Figure(
                name="Behind, in bytes",
                value="–" if lag is None else size_text(lag.lag_bytes),
                chart=chart([each.lag_bytes for each in samples]),
            ),
            Figure(
                name="Behind, in time",
                value="–" if lag is None else duration(lag.lag_ms),
                chart=chart([each.lag_ms for each in samples]),
            ),
        ]
    return LiveCompute(
        id=endpoint.id,
        state=state_of(endpoint),
        wake="–" if vitals.wake_ms is None else duration(vitals.wake_ms),
        figures=tuple(figures),
        faults=", ".join(filter(None, (_fault_text(each) for each in faults if each.endpoint == endpoint.id))),
    )


def suspend_text(seconds: int) -> str:
    """When a compute falls asleep: `after 5 minutes`, `after 90 s`, `never`."""
    known = dict(SUSPEND_TIMES).get(str(seconds))
    return known.removesuffix(" (the default)") if known else f"after {seconds} s"


def suspend_choices(present: int) -> tuple[tuple[str, str], ...]:
    """What is offered, and what holds if that is another."""
    if str(present) in dict(SUSPEND_TIMES):
        return SUSPEND_TIMES
    return ((str(present), suspend_text(present)), *SUSPEND_TIMES)


def _fault_text(found: FaultInForce) -> str:
    parts = []
    if found.delay_ms:
        parts.append(f"delayed by {found.delay_ms} ms")
    if found.denied_for_s:
        parts.append(f"refuses connections for {found.denied_for_s:.0f} s")
    if found.drops:
        parts.append(f"cuts the next {found.drops} connections after {found.drop_after_bytes} bytes")
    return ", ".join(parts)
