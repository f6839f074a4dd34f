"""`…/permissions`: whom a project is shared with. Kept and shown; there is one account here."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api import bodies
from dormouse.control.plane import ControlPlane
from dormouse.errors import NotFound
from dormouse.names import ProjectId
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.rendering import Rendering
from dormouse.web.requests import PermissionGrantBody, PermissionRevokeBody
from dormouse.web.route_table import ApiRoute

__all__ = ["Permissions"]


@dataclass(frozen=True, slots=True)
class Permissions:
    """The requests about sharing."""

    plane: ControlPlane
    rendering: Rendering

    def routes(self) -> list[ApiRoute]:
        """Below the API's root."""
        all_of_them = "/projects/{project_id}/permissions"
        return [
            ApiRoute(method="GET", path=all_of_them, handler=self.index),
            ApiRoute(method="POST", path=all_of_them, handler=self.grant, body=PermissionGrantBody),
            # neon-api names the permission in the body.
            ApiRoute(method="DELETE", path=all_of_them, handler=self.revoke_named, body=PermissionRevokeBody),
            ApiRoute(method="DELETE", path=all_of_them + "/{permission_id}", handler=self.revoke),
        ]

    async def index(self, request: Request) -> Response:
        """Whom a project is shared with."""
        permissions = await self.plane.projects.permissions(reading.project_id(request))
        return answer(bodies.Permissions(project_permissions=tuple(map(self.rendering.permission, permissions))))

    async def grant(self, request: Request) -> Response:
        """Share it."""
        asked = await reading.body_of(request, PermissionGrantBody)
        permission = await self.plane.projects.grant(reading.project_id(request), asked.email)
        return answer(self.rendering.permission(permission))

    async def revoke(self, request: Request) -> Response:
        """Share it no longer."""
        return await self._revoke(reading.project_id(request), reading.name_in_path(request, "permission_id"))

    async def revoke_named(self, request: Request) -> Response:
        """Share it no longer; the permission is named by its id, or by the address."""
        asked = await reading.body_of(request, PermissionRevokeBody)
        project = reading.project_id(request)
        wanted = asked.named()
        for each in await self.plane.projects.permissions(project):
            if wanted in (each.id, each.granted_to_email):
                return await self._revoke(project, each.id)
        raise NotFound("permission not found")

    async def _revoke(self, project: ProjectId, permission: str) -> Response:
        return answer(self.rendering.permission(await self.plane.projects.revoke(project, permission)))
