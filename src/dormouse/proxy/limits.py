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

    unauthenticated: int = 500
    """Connections that have not proved who they are. Each costs 3 KB before TLS and 50 KB in it (uvloop)."""

    connections: int = 2_000
    """Relayed connections in all. Each takes two file descriptors."""

    connections_per_endpoint: int = 1_000
    """More than a compute of this size accepts: Postgres's own refusal, which says more, normally comes first."""

    write_buffer: int = 128 << 10
    """Bytes that wait for a slow reader before the other side is no longer read. Two of the relay's reads."""

    backlog: int = 512
    """Connections that the kernel holds until they are accepted; a test suite that starts opens many at once."""

    farewell_s: float = 5.0
    """For a client to take the last bytes when its connection is closed."""
