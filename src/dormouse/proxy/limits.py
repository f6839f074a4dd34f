"""How much a client may ask of the proxy before it is known, and after. Each number has its reason beside it."""

from dataclasses import dataclass

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

    Each costs 3 KB before TLS and 50 KB in it (uvloop).
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
