"""How far a replica is behind, for people."""

from dormouse.api.records import Endpoint
from dormouse.sizes import size_text

__all__ = ["behind"]


def behind(endpoint: Endpoint) -> str:
    """`3 MB, 120 ms`; `0 B` for one that lacks nothing, and empty for what is asleep or no replica."""
    lag = endpoint.dormouse
    if lag is None:
        return ""
    return f"{size_text(lag.lag_bytes)}, {lag.lag_ms} ms" if lag.lag_bytes else size_text(0)
