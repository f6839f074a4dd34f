"""How long the answer to a wrong password is held back.

Only answers that say "wrong" wait, and each waits by itself: a right password is never late, whoever else guesses.
So nobody can lock out a role, and a guesser is slowed to a try a second and connection; how many connections may
guess at once, `Limits.unauthenticated` says.
"""

from collections import OrderedDict
from typing import Final

__all__ = ["Penalties"]

_FREE_FAILURES: Final = 3  # typing errors, and tests that expect a refusal
_FIRST_S: Final = 0.05
_LONGEST_S: Final = 1.0  # a person notices a second and does not mind it
_FORGIVEN_AFTER_S: Final = 60.0
_REMEMBERED: Final = 4096  # so that invented names cannot fill the memory


class Penalties:
    """Failures by endpoint and role, the latest last."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def failed(self, endpoint: str, role: str, now: float) -> float:
        """Note a wrong password; the seconds to wait before saying so."""
        key = (endpoint, role)
        count, last = self._failures.pop(key, (0, now))
        count = 1 if now - last > _FORGIVEN_AFTER_S else count + 1
        self._failures[key] = (count, now)
        if len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)
        if count <= _FREE_FAILURES:
            return 0.0
        # The exponent is bounded: a power of a million would be a very large number before it was a second.
        return min(_FIRST_S * 2.0 ** min(count - _FREE_FAILURES - 1, 10), _LONGEST_S)

    def succeeded(self, endpoint: str, role: str) -> None:
        """Forget the failures."""
        self._failures.pop((endpoint, role), None)
