"""Clients that look at the past: they connect to a branch's id as host name, with the moment in `options`.

So it is done at Neon (time travel). What they look at is a server of `looks`.
"""

from datetime import UTC, datetime

from dormouse.compute.conf import SOCKET_NAME
from dormouse.compute.wal import parse_lsn
from dormouse.control.catalog import Catalog
from dormouse.control.gate import NOT_FOUND, Gate
from dormouse.control.looks import Looks
from dormouse.control.points import AtLsn, AtTime, Point
from dormouse.errors import EndpointNotFound, RequestError, RuleViolation
from dormouse.names import BranchId, EndpointId

__all__ = ["Visits", "point_of"]


class Visits:
    """Lets clients look: checks before anything is built."""

    def __init__(self, catalog: Catalog, gate: Gate, looks: Looks) -> None:
        self._catalog = catalog
        self._gate = gate
        self._looks = looks

    async def locate(self, branch_id: BranchId, moment: str, *, role: str, verifier: str) -> str:
        """The socket of a server that has the branch as it was; made by the first who asks.

        Raises EndpointNotFound for no such branch, RuleViolation for a moment that is not to be had, RequestError
        when the role's password is no longer the one that was checked.
        """
        branch = self._catalog.branches.get(branch_id)
        if branch is None:
            raise EndpointNotFound(NOT_FOUND)
        if await self._gate.verifier(EndpointId(branch_id), role) != verifier:
            raise RequestError(f"password authentication failed for user '{role}'")
        return str(await self._looks.at(branch, point_of(moment)) / SOCKET_NAME)


def point_of(moment: str) -> Point:
    """What `neon_lsn:…` or `neon_timestamp:…` means. Raises RuleViolation."""
    kind, _, value = moment.partition(":")
    try:
        if kind == "neon_lsn":
            return AtLsn(parse_lsn(value))
        time = datetime.fromisoformat(value)
    except ValueError:
        raise RuleViolation(f"{moment} names no moment; expected neon_lsn:0/1FA22C0 or an RFC 3339 time") from None
    return AtTime(time if time.tzinfo is not None else time.replace(tzinfo=UTC))
