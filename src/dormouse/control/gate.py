"""What the proxy asks of the control plane: a role's verifier, and where a compute listens."""

from typing import Final

import psycopg

from dormouse.compute.lifecycle import ComputeState
from dormouse.compute.supervisor import Compute
from dormouse.control.computes import Computes
from dormouse.control.model import BranchState, Endpoint, StoredVerifier
from dormouse.errors import DatabaseNotFound, EndpointDisabled, EndpointNotFound, RequestError, StartFailed
from dormouse.names import BranchId, EndpointId

__all__ = ["DISABLED", "NOT_FOUND", "Gate"]

DISABLED: Final = "The endpoint has been disabled. Enable it using the API and retry."
NOT_FOUND: Final = (
    "The requested endpoint could not be found, or you don't have access to it. "
    "Please check the provided ID and try again."
)

_VERIFIER: Final = (
    "SELECT rolpassword FROM pg_authid WHERE rolname = %s AND rolcanlogin AND rolpassword LIKE 'SCRAM-%%' "
    "AND (rolvaliduntil IS NULL OR rolvaliduntil > now())"
)
_DATABASE: Final = "SELECT 1 FROM pg_database WHERE datname = %s AND datallowconn"


class Gate:
    """Lets clients in: checks before it wakes."""

    def __init__(self, computes: Computes) -> None:
        self._computes = computes

    async def verifier(self, endpoint_id: EndpointId, role: str) -> str | None:
        """The role's SCRAM verifier, or None if it cannot log in by password.

        Asked of the server while one runs, since passwords change by SQL too; else what it held at its
        last orderly stop. Only after a crash is it woken for that. Raises EndpointNotFound, EndpointDisabled.
        """
        branch_id = BranchId(endpoint_id)
        if branch_id in self._computes.catalog.branches:
            return await self._verifier_of_branch(branch_id, role)
        endpoint = self._reachable(endpoint_id)
        own = self._computes.of(endpoint)
        primary = self._computes.primary(endpoint.branch_id)
        for compute in (own, primary):
            if compute is not None and compute.state is ComputeState.READY:
                return await self._live_verifier(compute, endpoint.branch_id, role)
        branch = self._computes.catalog.branches[endpoint.branch_id]
        if not branch.stopped_cleanly and primary is not None and not branch.config_pending:
            await primary.wake()
            return await self._live_verifier(primary, endpoint.branch_id, role)
        stored = self._computes.catalog.verifiers.get((endpoint.branch_id, role))
        if stored is None and self._is_being_made(endpoint.branch_id):
            # Of the past, it may have roles that the records will know only when it is there.
            await self._computes.catalog.until(lambda: not self._is_being_made(endpoint.branch_id))
            return await self.verifier(endpoint_id, role)
        return None if stored is None else stored.verifier

    def compute_of(self, branch: BranchId, kind: str) -> EndpointId | None:
        """The oldest compute of a branch that is of this kind (`read_only`, `read_write`); None if it has none."""
        return next(
            (
                endpoint.id
                for endpoint in self._computes.catalog.endpoints.values()
                if endpoint.branch_id == branch and endpoint.type.value == kind
            ),
            None,
        )

    async def locate(self, endpoint_id: EndpointId) -> tuple[str, bool]:
        """Wake the compute if need be, and return the path of its socket, and whether it was asleep.

        Raises StartFailed; EndpointDisabled.
        """
        compute = self._computes.of(self._reachable(endpoint_id))
        if compute.state is ComputeState.READY:
            return compute.server.socket_path, False
        return (await compute.wake()).socket_path, True

    async def confirm(self, endpoint_id: EndpointId, *, role: str, verifier: str) -> None:
        """Ask a compute that was woken whether the role's password is still the one that was checked.

        Raises RequestError if not; StartFailed; EndpointDisabled.
        """
        endpoint = self._reachable(endpoint_id)
        if await self._live_verifier(self._computes.of(endpoint), endpoint.branch_id, role) != verifier:
            raise RequestError(f"password authentication failed for user '{role}'")

    async def pooled(self, endpoint_id: EndpointId, database: str) -> str | None:
        """The socket of the pooler of a compute that was located; None where there is no pooler to be had.

        Raises StartFailed, DatabaseNotFound.
        """
        compute = self._computes.of(self._reachable(endpoint_id))
        try:
            row = await compute.server.ask(_DATABASE, database)
        except psycopg.Error as error:
            raise StartFailed(f"the compute {compute.endpoint} does not answer: {error}") from error
        if row is None:
            raise DatabaseNotFound(f'database "{database}" does not exist')
        return await self._computes.poolers.locate(compute)

    async def _verifier_of_branch(self, branch: BranchId, role: str) -> str | None:
        """For a look at a branch's past, with the passwords of its present."""
        primary = self._computes.primary(branch)
        if primary is not None:
            return await self.verifier(primary.endpoint, role)
        stored = self._computes.catalog.verifiers.get((branch, role))
        return None if stored is None else stored.verifier

    def _is_being_made(self, branch: BranchId) -> bool:
        found = self._computes.catalog.branches.get(branch)
        return found is not None and found.state in (BranchState.INIT, BranchState.RESETTING)

    def _reachable(self, endpoint_id: EndpointId) -> Endpoint:
        endpoint = self._computes.catalog.endpoints.get(endpoint_id)
        if endpoint is None or self._computes.catalog.projects[endpoint.project_id].deleted_at is not None:
            raise EndpointNotFound(NOT_FOUND)
        if endpoint.disabled:
            raise EndpointDisabled(DISABLED)
        return endpoint

    async def _live_verifier(self, compute: Compute, branch_id: BranchId, role: str) -> str | None:
        try:
            row = await compute.server.ask(_VERIFIER, role)
        except psycopg.Error as error:
            raise StartFailed(f"the compute {compute.endpoint} does not answer: {error}") from error
        found: str | None = row[0] if row else None
        stored = self._computes.catalog.verifiers.get((branch_id, role))
        if found is not None and (stored is None or stored.verifier != found):
            record = StoredVerifier(branch_id=branch_id, role=role, verifier=found)
            await self._computes.catalog.put(record)
        return found
