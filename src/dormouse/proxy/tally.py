"""What the proxy counts for whoever measures it. Pure."""

from collections import Counter

from dormouse.names import EndpointId

__all__ = ["Tally"]


class Tally:
    """Since the listener was made. Bytes are counted where they pass: in `Activity`."""

    def __init__(self) -> None:
        self.sessions: Counter[EndpointId] = Counter()
        self.refusals: Counter[str] = Counter()
        """By SQLSTATE."""
