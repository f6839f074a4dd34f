"""`…/schema`, `…/compare_schema`: what is in a database besides rows, now and then."""

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api import bodies
from dormouse.control.plane import ControlPlane
from dormouse.control.schema_text import unified
from dormouse.errors import Invalid
from dormouse.names import BranchId
from dormouse.web import reading, rendering
from dormouse.web.answers import answer
from dormouse.web.past_requests import CompareSchemaQuery, SchemaQuery
from dormouse.web.rendering import Rendering
from dormouse.web.route_table import ApiRoute, one_of, text

__all__ = ["Schemas"]

_POINT: Final = (text("lsn"), text("timestamp"))
_BASE: Final = (text("base_branch_id"), text("base_lsn"), text("base_timestamp"))


@dataclass(frozen=True, slots=True)
class Schemas:
    """The requests about schemas."""

    plane: ControlPlane
    rendering: Rendering

    def routes(self) -> list[ApiRoute]:
        """Below the API's root."""
        branch = "/projects/{project_id}/branches/{branch_id}"
        database = text("db_name", required=True)
        return [
            ApiRoute(
                method="GET",
                path=f"{branch}/schema",
                handler=self.show,
                query=(database, *_POINT, one_of("format", ("sql", "json"))),
            ),
            ApiRoute(
                method="GET",
                path=f"{branch}/compare_schema",
                handler=self.compare,
                query=(database, *_POINT, *_BASE),
            ),
        ]

    async def show(self, request: Request) -> Response:
        """The schema of a database, as SQL or as a model of its tables."""
        asked = reading.query_of(request, SchemaQuery)
        where = (reading.project_id(request), reading.branch_id(request), asked.db_name, asked.point())
        if asked.format == "sql":
            return answer(bodies.BranchSchema(sql=await self.plane.schemas.sql(*where)))
        tables = await self.plane.schemas.tables(*where)
        return answer(bodies.BranchSchema(json=bodies.Tables(tables=tuple(map(rendering.table, tables)))))

    async def compare(self, request: Request) -> Response:
        """How a schema differs from that of another branch, by default the parent: a unified diff, or nothing."""
        asked = reading.query_of(request, CompareSchemaQuery)
        project = reading.project_id(request)
        branch = await self.plane.branches.get(project, reading.branch_id(request))
        base_id = asked.base_branch_id or branch.parent_id
        if base_id is None:
            raise Invalid("base_branch_id is required: the branch has no parent to be compared with")
        base = await self.plane.branches.get(project, BranchId(base_id))
        before = await self.plane.schemas.sql(project, base.id, asked.db_name, asked.base_point())
        after = await self.plane.schemas.sql(project, branch.id, asked.db_name, asked.point())
        # Some seconds for a schema of many thousand lines; the others are served meanwhile.
        diff = await asyncio.to_thread(unified, before, after, (base.name, branch.name))
        return answer(bodies.SchemaComparison(diff=diff))
