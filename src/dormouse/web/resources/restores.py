"""`…/branches/{id}/restore` and its kin: a branch gets other data, and keeps its name."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api import bodies
from dormouse.control.plane import ControlPlane
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.past_requests import BranchRestoreBody, FinalizeRestoreBody
from dormouse.web.rendering import Rendering
from dormouse.web.route_table import ApiRoute

__all__ = ["Restores"]


@dataclass(frozen=True, slots=True)
class Restores:
    """The requests that bring data of the past back."""

    plane: ControlPlane
    rendering: Rendering

    def routes(self) -> list[ApiRoute]:
        """Below the API's root."""
        one = "/projects/{project_id}/branches/{branch_id}"
        return [
            ApiRoute(method="POST", path=f"{one}/restore", handler=self.restore, body=BranchRestoreBody),
            ApiRoute(
                method="POST",
                path=f"{one}/finalize_restore",
                handler=self.finalize,
                body=FinalizeRestoreBody,
                body_required=False,
            ),
            ApiRoute(method="POST", path=f"{one}/recover", handler=self.recover),
        ]

    async def restore(self, request: Request) -> Response:
        """Give a branch its parent's data, that of its own past, or another one's."""
        asked = await reading.body_of(request, BranchRestoreBody)
        branch, operations = await self.plane.branches.restore(
            reading.project_id(request), reading.branch_id(request), asked.spec()
        )
        return answer(
            bodies.BranchChanged(
                branch=self.rendering.branch(branch), operations=self.rendering.operations(operations)
            )
        )

    async def finalize(self, request: Request) -> Response:
        """Put a branch that was made from a snapshot in the place of the one it is to replace."""
        asked = await reading.body_of(request, FinalizeRestoreBody)
        operations = await self.plane.branches.finalize_restore(
            reading.project_id(request), reading.branch_id(request), asked.name
        )
        return answer(bodies.Operations(operations=self.rendering.operations(operations)))

    async def recover(self, request: Request) -> Response:
        """Bring a deleted branch back with its computes."""
        project = await self.plane.projects.get(reading.project_id(request))
        branch, endpoints, operations = await self.plane.branches.recover(project.id, reading.branch_id(request))
        return answer(
            bodies.BranchRecovered(
                branch=self.rendering.branch(branch),
                endpoints=tuple(self.rendering.endpoint(each, project) for each in endpoints),
                operations=self.rendering.operations(operations),
            )
        )
