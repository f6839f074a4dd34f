"""`…/roles`: who may log in to a branch."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api import bodies
from dormouse.control.model import Role
from dormouse.control.plane import ControlPlane, Ops
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.errors import PasswordNotStored
from dormouse.web.rendering import Rendering
from dormouse.web.requests import RoleCreateBody
from dormouse.web.route_table import ApiRoute

__all__ = ["Roles"]


@dataclass(frozen=True, slots=True)
class Roles:
    """The requests about roles."""

    plane: ControlPlane
    rendering: Rendering

    def routes(self) -> list[ApiRoute]:
        """Below the API's root."""
        all_of_them = "/projects/{project_id}/branches/{branch_id}/roles"
        one = all_of_them + "/{role_name}"
        return [
            ApiRoute(method="GET", path=all_of_them, handler=self.index),
            ApiRoute(method="POST", path=all_of_them, handler=self.create, status=201, body=RoleCreateBody),
            ApiRoute(method="GET", path=one, handler=self.show),
            ApiRoute(method="DELETE", path=one, handler=self.delete),
            ApiRoute(method="GET", path=f"{one}/reveal_password", handler=self.reveal_password),
            # neon-api asks by POST for what the specification has as GET.
            ApiRoute(method="POST", path=f"{one}/reveal_password", handler=self.reveal_password),
            ApiRoute(method="POST", path=f"{one}/reset_password", handler=self.reset_password),
        ]

    async def index(self, request: Request) -> Response:
        """The roles of a branch, without passwords."""
        roles = await self.plane.roles.all(reading.project_id(request), reading.branch_id(request))
        return answer(bodies.Roles(roles=tuple(map(self.rendering.role, roles))))

    async def show(self, request: Request) -> Response:
        """One role, without its password."""
        return answer(bodies.RoleAnswer(role=self.rendering.role(await self._role(request))))

    async def create(self, request: Request) -> Response:
        """A new role with its password, once."""
        asked = (await reading.body_of(request, RoleCreateBody)).role
        made = await self.plane.roles.create(
            reading.project_id(request),
            reading.branch_id(request),
            asked.name,
            no_login=asked.no_login is True,
        )
        return self._changed(*made, with_password=True, status=201)

    async def reveal_password(self, request: Request) -> Response:
        """The password of a role."""
        project = await self.plane.projects.get(reading.project_id(request))
        role = await self._role(request)
        if role.password is None or not project.store_passwords:
            raise PasswordNotStored("the password of this role is not stored")
        return answer(bodies.RolePassword(password=role.password))

    async def reset_password(self, request: Request) -> Response:
        """The role with a new password, once."""
        changed = await self.plane.roles.reset_password(
            reading.project_id(request), reading.branch_id(request), reading.name_in_path(request, "role_name")
        )
        return self._changed(*changed, with_password=True)

    async def delete(self, request: Request) -> Response:
        """The role as it was."""
        gone = await self.plane.roles.delete(
            reading.project_id(request), reading.branch_id(request), reading.name_in_path(request, "role_name")
        )
        return self._changed(*gone)

    async def _role(self, request: Request) -> Role:
        return await self.plane.roles.get(
            reading.project_id(request), reading.branch_id(request), reading.name_in_path(request, "role_name")
        )

    def _changed(self, role: Role, operations: Ops, *, with_password: bool = False, status: int = 200) -> Response:
        changed = bodies.RoleChanged(
            role=self.rendering.role(role, with_password=with_password),
            operations=self.rendering.operations(operations),
        )
        return answer(changed, status)
