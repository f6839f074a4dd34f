"""What a platform measures, as Prometheus reads it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dormouse.names import EndpointId

__all__ = ["CONTENT_TYPE", "Measured", "PoolWaits", "Traffic", "Wakes", "exposition"]

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What passed the proxy since the platform started, by endpoint or by SQLSTATE."""

    open: Mapping[EndpointId, int] = field(default_factory=dict)
    """Connections now."""
    unauthenticated: int = 0
    """Connections now that have not yet proved who they are."""
    sessions: Mapping[EndpointId, int] = field(default_factory=dict)
    from_clients: Mapping[EndpointId, int] = field(default_factory=dict)
    """Bytes."""
    to_clients: Mapping[EndpointId, int] = field(default_factory=dict)
    refusals: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wakes:
    """How long computes took to start, since the platform did."""

    buckets: tuple[tuple[float, int], ...]
    """Of each limit in seconds, how many took no longer; the last is infinite."""
    total_s: float
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolWaits:
    """Who waits in a compute's pooler."""

    clients: int
    longest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All of it, at one moment."""

    traffic: Traffic
    wakes: Wakes
    computes: Mapping[str, int]
    """By state."""
    pools: Mapping[str, PoolWaits]
    """Of the computes whose pooler runs."""
    lags: Mapping[str, tuple[int, float]]
    """Bytes and seconds, of the replicas that are awake."""
    projects: int
    branches: int
    disk_free_bytes: int


def exposition(measured: Measured) -> bytes:
    """The text that `GET /_local/metrics` answers with."""
    # Imported when it is first asked for: it takes 30 ms, and a platform is to start in 600.
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(measured))
    return generate_latest(registry)


class _Once:
    """A collector of values that are known already."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Any]:
        """Every family, in the order in which they are documented."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        def by(kind: Any, name: str, text: str, label: str, values: Mapping[Any, float]) -> Any:
            family = kind(f"dormouse_{name}", text, labels=[label])
            for key, value in values.items():
                family.add_metric([key], value)
            return family

        now, traffic = self._measured, self._measured.traffic
        yield by(GaugeMetricFamily, "connections", "Clients connected now.", "endpoint", traffic.open)
        yield GaugeMetricFamily(
            "dormouse_unauthenticated_connections", "Clients that have not proved who they are.",
            value=traffic.unauthenticated,
        )  # fmt: skip
        yield by(CounterMetricFamily, "sessions", "Sessions begun.", "endpoint", traffic.sessions)
        yield by(
            CounterMetricFamily, "client_received_bytes", "Bytes from clients.", "endpoint", traffic.from_clients
        )
        yield by(CounterMetricFamily, "client_sent_bytes", "Bytes to clients.", "endpoint", traffic.to_clients)
        yield by(CounterMetricFamily, "refusals", "Connections refused.", "sqlstate", traffic.refusals)
        wakes = HistogramMetricFamily("dormouse_wake_seconds", "From the wish to wake a compute until it serves.")
        wakes.add_metric([], [(_limit(limit), count) for limit, count in now.wakes.buckets], now.wakes.total_s)
        yield wakes
        yield CounterMetricFamily(
            "dormouse_wake_failures", "Computes that did not start.", value=now.wakes.failures
        )
        yield by(GaugeMetricFamily, "computes", "Computes by state.", "state", now.computes)
        waiting = {endpoint: pool.clients for endpoint, pool in now.pools.items()}
        longest = {endpoint: pool.longest_s for endpoint, pool in now.pools.items()}
        yield by(GaugeMetricFamily, "pool_waiting", "Clients that wait for a server.", "endpoint", waiting)
        yield by(GaugeMetricFamily, "pool_wait_seconds", "How long the first of them has.", "endpoint", longest)
        lag_bytes = {endpoint: lag[0] for endpoint, lag in now.lags.items()}
        lag_s = {endpoint: lag[1] for endpoint, lag in now.lags.items()}
        yield by(GaugeMetricFamily, "replica_lag_bytes", "WAL not yet replayed.", "endpoint", lag_bytes)
        yield by(GaugeMetricFamily, "replica_lag_seconds", "Since the last commit replayed.", "endpoint", lag_s)
        yield GaugeMetricFamily("dormouse_projects", "Projects.", value=now.projects)
        yield GaugeMetricFamily("dormouse_branches", "Branches.", value=now.branches)
        yield GaugeMetricFamily("dormouse_disk_free_bytes", "Where the home lies.", value=now.disk_free_bytes)


def _limit(seconds: float) -> str:
    return "+Inf" if seconds == float("inf") else repr(seconds)
