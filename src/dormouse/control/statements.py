"""Statements that the console asks of a branch: of its primary, or of a server of its past."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dormouse.control.asking import ask
from dormouse.control.gate import DISABLED
from dormouse.control.looks import Looks
from dormouse.control.model import Branch
from dormouse.control.points import HEAD, Head, Point
from dormouse.control.roles import agree_with_server
from dormouse.control.statement_model import Access, Answer, Statement
from dormouse.control.workshop import Workshop
from dormouse.errors import EndpointDisabled, NotFound, RuleViolation
from dormouse.names import BranchId, EndpointId, ProjectId

__all__ = ["Statements"]


class Statements:
    """See `plane.Statements`."""

    def __init__(self, workshop: Workshop, looks: Looks) -> None:
        self._shop = workshop
        self._looks = looks
        self._uses: dict[EndpointId, float] = {}

    async def run(self, project: ProjectId, branch: BranchId, statement: Statement, point: Point = HEAD) -> Answer:
        """Carry out one statement, and wake the compute for it."""
        found = self._shop.ready_branch(project, branch)
        await agree_with_server(self._shop, found)
        # The platform's own roles are not among them.
        if statement.role not in {role.name for role in self._shop.roles_of(branch)}:
            raise NotFound("role not found")
        if statement.access is Access.READ_WRITE and not isinstance(point, Head):
            raise RuleViolation(
                "the past cannot be written to", "restore the branch, or make a branch of that moment"
            )
        async with self._server(found, point) as socket_dir:
            return await ask(socket_dir, statement)

    def last_use(self, endpoint: EndpointId) -> float:
        """When a compute was last asked something here, in loop seconds; as good as a client's last byte."""
        return self._uses.get(endpoint, 0.0)

    @asynccontextmanager
    async def _server(self, branch: Branch, point: Point) -> AsyncIterator[Path]:
        """The socket's folder of a server that has the branch at `point`."""
        if not isinstance(point, Head):
            yield await self._looks.at(branch, point)
            return
        primary = self._shop.computes.primary(branch.id)
        if primary is None:
            raise RuleViolation("the branch has no read_write endpoint that could be asked")
        if self._shop.catalog.endpoints[primary.endpoint].disabled:
            raise EndpointDisabled(DISABLED)
        # Not held awake: who suspends it, or restores the branch, cuts the console as any other client.
        await primary.wake()
        loop = asyncio.get_running_loop()
        self._uses[primary.endpoint] = loop.time()
        try:
            yield self._shop.machine.socket_dir(primary.endpoint)
        finally:
            self._uses[primary.endpoint] = loop.time()
