"""The past of a project's branches, as only this platform tells of it: routes below `/_local`."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api import bodies
from dormouse.api.local import BranchHistories, KeptStates
from dormouse.control.model import BranchState
from dormouse.control.plane import ControlPlane
from dormouse.errors import NotFound
from dormouse.web import reading, rendering
from dormouse.web.answers import answer
from dormouse.web.rendering import Rendering
from dormouse.web.route_table import ApiRoute

__all__ = ["Past"]


@dataclass(frozen=True, slots=True)
class Past:
    """The requests about what was."""

    plane: ControlPlane
    rendering: Rendering

    def routes(self) -> tuple[ApiRoute, ...]:
        """Below the local root."""
        project = "/projects/{project_id}"
        return (
            ApiRoute(method="GET", path=f"{project}/branches", handler=self.histories),
            ApiRoute(method="GET", path=f"{project}/kept", handler=self.kept),
            ApiRoute(method="POST", path=f"{project}/branches/{{branch_id}}/undo", handler=self.undo),
        )

    async def histories(self, request: Request) -> Response:
        """From when on each branch can be restored, and what it takes on disk.

        One that is still being made is left out.
        """
        project = reading.project_id(request)
        found = []
        for branch in await self.plane.branches.all(project):
            if branch.state is BranchState.INIT:
                continue
            try:
                history = await self.plane.branches.history(project, branch.id)
            except NotFound:
                continue  # deleted while the others were looked at
            found.append(rendering.history(branch.id, history))
        return answer(BranchHistories(branches=tuple(found)))

    async def kept(self, request: Request) -> Response:
        """The states that an undo can bring back, newest first."""
        kept = await self.plane.branches.kept(reading.project_id(request))
        return answer(KeptStates(kept=tuple(map(rendering.kept_state, kept))))

    async def undo(self, request: Request) -> Response:
        """Bring back what the last restore, reset or deletion of a branch replaced."""
        branch, operations = await self.plane.branches.undo(
            reading.project_id(request), reading.branch_id(request)
        )
        return answer(
            bodies.BranchChanged(
                branch=self.rendering.branch(branch), operations=self.rendering.operations(operations)
            )
        )
