import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.making import DEFAULT_REGION, Maker
from dormouse.control.model import (
    BranchState,
    EndpointDefaults,
    EndpointSettings,
    EndpointSpec,
    EndpointState,
    EndpointType,
    OperationAction,
    OperationStatus,
    ProjectCreated,
    ProjectSpec,
)
from dormouse.errors import Invalid
from dormouse.names import BranchId

NOW = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def made(spec: ProjectSpec, seed: int = 1) -> ProjectCreated:
    return Maker(chance=random.Random(seed), now=NOW).project(spec, pg_version=17, database_id=7)


def test_a_project_of_which_nothing_was_said_is_neons() -> None:
    found = made(ProjectSpec())

    assert found.project.name == found.project.id
    assert found.project.region_id == DEFAULT_REGION
    assert (found.branch.name, found.database.name, found.role.name) == ("main", "neondb", "neondb_owner")
    assert found.database.owner_name == "neondb_owner"


def test_what_was_asked_for_is_had() -> None:
    found = made(ProjectSpec(name="☃", region_id="here", branch_name="b", role_name="anna", database_name="d"))

    assert (found.project.name, found.project.region_id, found.branch.name) == ("☃", "here", "b")
    assert (found.role.name, found.database.name, found.database.owner_name) == ("anna", "d", "anna")


def test_an_owner_is_named_after_the_database() -> None:
    assert made(ProjectSpec(database_name="shop")).role.name == "shop_owner"


@pytest.mark.parametrize("name", ["pg_", "pg_monitor", "cloud_admin", "neon_superuser", "postgres", "public"])
def test_reserved_role_names_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match=f"role name '{name}' is reserved"):
        made(ProjectSpec(role_name=name))


def test_an_endpoint_has_the_projects_settings_of_postgres_unless_it_brings_its_own() -> None:
    usual = EndpointDefaults(pg_settings={"work_mem": "4MB"})
    found = made(ProjectSpec(endpoint_defaults=usual))
    own = EndpointSettings(pg_settings={"work_mem": "8MB"})
    spec = EndpointSpec(branch_id=found.branch.id, type=EndpointType.READ_ONLY, settings=own)

    assert found.endpoint.settings == EndpointSettings(pg_settings={"work_mem": "4MB"})
    assert Maker(chance=random.Random(2), now=NOW).endpoint(found.project, spec).settings == own


@given(st.integers(0, 1 << 32))
def test_all_that_is_made_belongs_together(seed: int) -> None:
    found = made(ProjectSpec(), seed)

    project, branch, endpoint = found.project.id, found.branch.id, found.endpoint.id
    assert {found.branch.project_id, found.endpoint.project_id, *(op.project_id for op in found.operations)} == {
        project
    }
    assert {found.endpoint.branch_id, found.role.branch_id, found.database.branch_id} == {branch}
    assert [(op.action, op.branch_id, op.endpoint_id) for op in found.operations] == [
        (OperationAction.CREATE_TIMELINE, branch, None),
        (OperationAction.START_COMPUTE, branch, endpoint),
    ]


def test_nothing_is_ready_before_its_plan_was_carried_out() -> None:
    found = made(ProjectSpec())

    assert (found.branch.state, found.branch.config_pending) == (BranchState.INIT, True)
    assert found.endpoint.current_state is EndpointState.INIT
    assert {op.status for op in found.operations} == {OperationStatus.RUNNING}


def test_objects_carry_whole_seconds_and_operations_moments() -> None:
    found = made(ProjectSpec())

    objects = (found.project, found.branch, found.endpoint, found.role, found.database)
    assert {each.created_at for each in objects} == {NOW.replace(microsecond=0)}
    assert found.operations[0].created_at == NOW


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (EndpointSpec(branch_id=BranchId("br-a"), type=EndpointType.READ_ONLY), (0.5, 2.0, 60)),
        (
            EndpointSpec(
                branch_id=BranchId("br-a"),
                type=EndpointType.READ_ONLY,
                autoscaling_limit_min_cu=1.0,
                autoscaling_limit_max_cu=1.0,
                suspend_timeout_seconds=0,
            ),
            (1.0, 1.0, 0),
        ),
    ],
)
def test_what_an_endpoint_leaves_open_is_the_projects_default(
    asked: EndpointSpec, expected: tuple[float, float, int]
) -> None:
    usual = EndpointDefaults(
        autoscaling_limit_min_cu=0.5, autoscaling_limit_max_cu=2.0, suspend_timeout_seconds=60
    )
    project = replace(made(ProjectSpec()).project, default_endpoint_settings=usual)

    found = Maker(chance=random.Random(2), now=NOW).endpoint(project, asked)

    assert (found.autoscaling_limit_min_cu, found.autoscaling_limit_max_cu) == expected[:2]
    assert found.suspend_timeout_seconds == expected[2]
