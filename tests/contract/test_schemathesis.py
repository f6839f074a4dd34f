"""Our own OpenAPI document, and what Schemathesis makes of it: whatever is sent, the answer is never our failure.

A control plane in memory holds one project, and most of what is sent goes to it, so that more than "not found"
comes back.
"""

import asyncio
from typing import Any

import pytest
import schemathesis
from api_coverage import table_of_routes
from fix_memory_plane import MemoryPlane
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from dormouse.control.model import ProjectSpec
from dormouse.control.past import SnapshotSpec
from dormouse.web.local import LocalRoutes
from dormouse.web.openapi import document_of
from dormouse.web.past import Past
from dormouse.web.rendering import Rendering

KEY = "napi_a_key_for_tests"

EXAMPLES = 12
"""For each operation: about a hundred of them, to be tried in some seconds."""


def document() -> dict[str, Any]:
    api = table_of_routes()
    past = Past(MemoryPlane(), Rendering(host=str, proxy_host="")).routes()
    return document_of(api, LocalRoutes(None, api, past).routes(), version="0")


OPERATIONS = {
    operation.ok().label: operation.ok()
    for operation in schemathesis.openapi.from_dict(document()).get_all_operations()
}


@pytest.fixture
def there(plane: MemoryPlane) -> dict[str, str]:
    """The ids of a project and of what is in it."""
    made = asyncio.run(plane.projects.create(ProjectSpec()))
    snapshot, _ = asyncio.run(plane.snapshots.create(made.project.id, made.branch.id, SnapshotSpec()))
    return {
        "project_id": made.project.id,
        "branch_id": made.branch.id,
        "endpoint_id": made.endpoint.id,
        "role_name": made.role.name,
        "database_name": made.database.name,
        "operation_id": made.operations[0].id,
        "snapshot_id": snapshot.id,
    }


@pytest.mark.parametrize("label", OPERATIONS)
def test_nothing_that_is_sent_makes_the_server_fail(server: Any, there: dict[str, str], label: str) -> None:
    operation = OPERATIONS[label]
    known = {name: value for name, value in there.items() if f"{{{name}}}" in operation.path}
    sent = st.one_of(
        operation.as_strategy(GenerationMode.POSITIVE, path_parameters=known or None),
        operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=known or None),
        operation.as_strategy(GenerationMode.POSITIVE),
    )

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=sent)
    def ask(case: Any) -> None:
        answer = case.call(base_url=server.url.removesuffix("/api/v2"), headers={"Authorization": f"Bearer {KEY}"})
        if answer.status_code == 501:
            assert "not available" in answer.json()["message"]
            return
        assert answer.status_code < 500, answer.text
        assert answer.headers["x-neon-ret-request-id"]
        if answer.status_code >= 400:
            assert answer.json().keys() == {"message", "code", "request_id"}

    ask()
