"""What the proxy needs to know of the computes, and no more. `assembly` gives it one of these."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from dormouse.names import EndpointId
from dormouse.proxy.faults import Fault

__all__ = ["Activity", "Address", "Directory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a compute that is ready listens."""

    socket_path: str
    """The unix socket itself: `/run/…/.s.PGSQL.5432`."""

    notice: str = ""
    """Told to the client as a NOTICE before its first query; empty says nothing."""

    confirm: Callable[[], Awaitable[None]] | None = None
    """What is still to be asked before anybody hears of the compute, and takes a while: whether the role has the
    verifier that it was authenticated with. Raises RequestError if not; StartFailed; EndpointDisabled."""


class Activity:
    """What the relay leaves behind for whoever decides about sleep; one per compute, kept by its owner.

    Plain attributes, because the relay writes `last` for every read from a client.
    """

    __slots__ = ("connections", "from_clients", "last", "to_clients")

    def __init__(self, now: float) -> None:
        self.last: float = now
        """Loop time of the last bytes a client sent, or of its leaving, in seconds."""
        self.connections: int = 0
        """Clients that are relayed now, or are being connected to the compute that `locate` has named."""
        self.from_clients: int = 0
        """Bytes relayed from them."""
        self.to_clients: int = 0


class Directory(Protocol):
    """The computes as the proxy sees them."""

    async def verifier(self, endpoint: EndpointId, role: str) -> str | None:
        """The role's SCRAM verifier as `pg_authid.rolpassword` has it; None if it cannot log in by password.

        Wakes nothing that was stopped cleanly. Raises EndpointNotFound, EndpointDisabled.
        """
        ...

    def compute_of(self, branch: str, kind: str) -> EndpointId | None:
        """The compute of a branch that is `read_only` or `read_write`, by their ids; None if it has none."""
        ...

    async def locate(
        self, endpoint: EndpointId, *, role: str, verifier: str, database: str, pooled: bool, moment: str
    ) -> Address:
        """Wake the compute if it sleeps, and return where it listens once it is ready.

        With a `moment` the endpoint is a branch, and the server one that has it as it was then (`Target.moment`).

        A pooler does not say in time that there is no such database, so that it is asked for before.
        Raises StartFailed with the reason; EndpointDisabled; DatabaseNotFound if `pooled`; RequestError if `role`
        no longer has the `verifier` that it was authenticated with, or leaves that to `Address.confirm`.
        """
        ...

    def activity(self, endpoint: EndpointId) -> Activity:
        """The compute's record of activity; valid until it sleeps."""
        ...

    def fault(self, endpoint: EndpointId) -> Fault | None:
        """What is to go wrong with its connections, for someone's test; mostly nothing."""
        ...
