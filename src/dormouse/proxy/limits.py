"""How much a client may ask of the proxy before it is known, and after. Each number has its reason beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from dormouse.errors import UserError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds, counts of connections."""

    startup_packet: int = 10_000
    """Postgres's own MAX_STARTUP_PACKET_LENGTH, and Neon's."""

    password_message: int = 512
    """Neon's. A password with its `endpoint=` prefix fits many times."""

    sasl_message: int = 1024
    """Postgres's PG_MAX_SASL_MESSAGE_LENGTH: a SCRAM message has some 200 bytes."""

    compute_message: int = 1 << 20
    """While a session begins the compute sends settings and errors; a longer message is not one of those."""

    early_data: int = 64 << 10
    """What a client may send before it was told ReadyForQuery. No driver known to us sends anything."""

    handshake_s: float = 15.0
    """From accept to the startup packet. Neon's."""

    authentication_s: float = 15.0
    """From the startup packet to the last proof. Neon's."""

    wake_s: float = 60.0
    """From there to ReadyForQuery; Neon's time for a call to its control plane. The wake itself goes on."""

    wake_attempts: int = 4
    """A compute may go to sleep between the answer that says where it listens and our connect to it."""

    wake_retry_s: float = 0.05
    """Before the second attempt, doubled for each later one. Long enough for a stop to be seen by its owner."""

    cancel_s: float = 5.0
    """For the compute to take a CancelRequest. Its postmaster forks for it, which takes a millisecond or two."""

    unauthenticated: int = 1_200
    """Connections that have not proved who they are, for a thousand clients may come at once.

    Each costs 3 KB before TLS and some 30 KB in it.
    """

    connections: int = 2_000
    """Relayed connections in all. Each takes two file descriptors."""

    connections_per_endpoint: int = 1_000
    """Served and waiting. More than a compute has places for: see the next two."""

    compute_places: int = 190
    """Direct connections to one compute at once; the next wait for one to leave. Its `max_connections` are 200, of
    which Postgres keeps 3 to itself; a few are between their last byte and their process's end."""

    queue_s: float = 10.0
    """How long who waits for a place puts up with nobody leaving. As long as the queue moves, it waits on."""

    write_buffer: int = 128 << 10
    """Bytes that wait for a slow reader before the other side is no longer read. Two of the relay's reads."""

    backlog: int = 1_024
    """Connections that the kernel holds until they are accepted; a test suite that starts opens many at once."""

    farewell_s: float = 5.0
    """For a client to take the last bytes when its connection is closed."""

    @classmethod
    def from_texts(cls, given: Mapping[str, str]) -> Self:
        """With what `DORMOUSE_LIMIT_*` says, by the name behind that.

        Raises UserError naming the variable, what it holds and what was expected.
        """
        defaults = {field.name: field.default for field in fields(cls)}
        found: dict[str, float] = {}
        for name, text in given.items():
            variable, default = f"DORMOUSE_LIMIT_{name}", defaults.get(name.lower())
            if default is None:
                known = ", ".join(each.upper() for each in defaults)
                raise UserError(f"{variable} is no limit; expected DORMOUSE_LIMIT_ and one of {known}")
            found[name.lower()] = _number(variable, text, whole=isinstance(default, int))
        return cls(**found)  # type: ignore[arg-type]


def _number(variable: str, text: str, *, whole: bool) -> float:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1 << 40:  # neither a NaN nor an infinity is
        kind = "a whole number" if whole else "a number of seconds"
        raise UserError(f"{variable} is {text!r}; expected {kind} above 0")
    return value
