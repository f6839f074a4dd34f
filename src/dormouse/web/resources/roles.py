"""`…/roles`: who may log in to a branch."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dormouse.api import bodies
from dormouse.control.model import Role
from dormouse.control.service import Service
from dormouse.errors import NotFound
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.errors import PasswordNotStored
from dormouse.web.rendering import Rendering

__all__ = ["Roles"]


@dataclass(frozen=True, slots=True)
class Roles:
    """The requests about roles."""

    service: Service
    rendering: Rendering

    def routes(self) -> list[Route]:
        """Below the API's root."""
        all_of_them = "/projects/{project_id}/branches/{branch_id}/roles"
        one = all_of_them + "/{role_name}"
        return [
            Route(all_of_them, self.index),
            Route(one, self.show),
            # neon-api asks by POST for what the specification has as GET.
            Route(f"{one}/reveal_password", self.reveal_password, methods=["GET", "POST"]),
        ]

    async def index(self, request: Request) -> Response:
        """The roles of a branch, without passwords."""
        roles = await self.service.roles(reading.project_id(request), reading.branch_id(request))
        return answer(bodies.Roles(roles=tuple(map(self.rendering.role, roles))))

    async def show(self, request: Request) -> Response:
        """One role, without its password."""
        return answer(bodies.RoleAnswer(role=self.rendering.role(await self._role(request))))

    async def reveal_password(self, request: Request) -> Response:
        """The password of a role."""
        role, project = await self._role(request), await self.service.project(reading.project_id(request))
        if role.password is None or not project.store_passwords:
            raise PasswordNotStored("the password of this role is not stored")
        return answer(bodies.RolePassword(password=role.password))

    async def _role(self, request: Request) -> Role:
        wanted = reading.name_in_path(request, "role_name")
        for role in await self.service.roles(reading.project_id(request), reading.branch_id(request)):
            if role.name == wanted:
                return role
        raise NotFound("role not found")
