"""What is made to go wrong on purpose with a compute's connections, so that an application can be tried. Pure.

Nothing looks at it while a session is relayed: a relay that is to be slow, or to be cut, is given another `write`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from dormouse.names import EndpointId

__all__ = ["Fault", "Faults"]


@dataclass(slots=True, kw_only=True)
class Fault:
    """Of one endpoint."""

    delay_s: float = 0.0
    """Before each read of a relay is handed on, either way."""
    denied_until: float = 0.0
    """Loop time until which new connections are refused."""
    drops: int = 0
    """How many of the next sessions are cut."""
    drop_after_bytes: int = 0
    """After how many bytes to the client."""

    def is_over(self, now: float) -> bool:
        """Whether nothing of it is left."""
        return not self.delay_s and not self.drops and now >= self.denied_until

    def take_drop(self) -> int | None:
        """After how many bytes the session that begins now is to be cut; None if it is not."""
        if not self.drops:
            return None
        self.drops -= 1
        return self.drop_after_bytes


class Faults:
    """Of all endpoints; in memory alone, so that a new start is a clean one."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._faults: dict[EndpointId, Fault] = {}

    def find(self, endpoint: EndpointId) -> Fault | None:
        """What is set for an endpoint."""
        return self._faults.get(endpoint)

    def of(self, endpoint: EndpointId) -> Fault:
        """The same, made if there is none yet."""
        return self._faults.setdefault(endpoint, Fault())

    def clear(self, endpoint: EndpointId | None = None) -> list[EndpointId]:
        """Let nothing go wrong any more, with one endpoint or with all; which ones had something."""
        cleared = [each for each in self._faults if endpoint in (None, each)]
        for each in cleared:
            del self._faults[each]
        return cleared

    def in_force(self) -> dict[EndpointId, Fault]:
        """What is not over."""
        now = self._now()
        self._faults = {each: fault for each, fault in self._faults.items() if not fault.is_over(now)}
        return dict(self._faults)
