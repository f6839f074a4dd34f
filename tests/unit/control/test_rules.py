"""Who may do what, as tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dormouse.control import rules
from dormouse.control.model import Branch, BranchState, Database, Endpoint, EndpointType
from dormouse.errors import Conflict, Invalid, LimitExceeded, RuleViolation
from dormouse.names import BranchId, EndpointId, Incarnation, ProjectId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BRANCH = Branch(
    id=BranchId("br-a"),
    project_id=ProjectId("p"),
    name="dev",
    incarnation=Incarnation("0" * 32),
    state=BranchState.READY,
    default=False,
    protected=False,
    created_at=NOW,
    updated_at=NOW,
)
CHILD = replace(BRANCH, id=BranchId("br-b"), name="child", parent_id=BRANCH.id)
PRIMARY = Endpoint(
    id=EndpointId("ep-a"),
    project_id=BRANCH.project_id,
    branch_id=BRANCH.id,
    type=EndpointType.READ_WRITE,
    name="",
    autoscaling_limit_min_cu=0.25,
    autoscaling_limit_max_cu=0.25,
    suspend_timeout_seconds=0,
    disabled=False,
    created_at=NOW,
    updated_at=NOW,
)
REPLICA = replace(PRIMARY, id=EndpointId("ep-b"), type=EndpointType.READ_ONLY)


@pytest.mark.parametrize(
    ("branch", "others", "says"),
    [
        (BRANCH, [], None),
        (BRANCH, [BRANCH], None),
        (replace(BRANCH, default=True), [], "cannot delete default branch"),
        (replace(BRANCH, protected=True), [], "cannot delete protected branch"),
        (BRANCH, [CHILD], "cannot delete branch that has children: br-b"),
    ],
)
def test_deleting_a_branch(branch: Branch, others: list[Branch], says: str | None) -> None:
    if says is None:
        rules.may_delete_branch(branch, others)
        return
    with pytest.raises(RuleViolation, match=f"^{says}$"):
        rules.may_delete_branch(branch, others)


@pytest.mark.parametrize(
    ("endpoint", "branch", "others", "allowed"),
    [
        (PRIMARY, BRANCH, [], True),
        (REPLICA, BRANCH, [PRIMARY], True),
        (PRIMARY, BRANCH, [REPLICA], False),
        (REPLICA, replace(BRANCH, protected=True), [PRIMARY], False),
    ],
)
def test_deleting_an_endpoint(endpoint: Endpoint, branch: Branch, others: list[Endpoint], allowed: bool) -> None:
    if allowed:
        rules.may_delete_endpoint(endpoint, branch, others)
        return
    with pytest.raises(RuleViolation):
        rules.may_delete_endpoint(endpoint, branch, others)


@pytest.mark.parametrize(
    ("wanted", "present", "error"),
    [
        (EndpointType.READ_WRITE, [], None),
        (EndpointType.READ_WRITE, [PRIMARY], Conflict),
        (EndpointType.READ_ONLY, [], RuleViolation),
        (EndpointType.READ_ONLY, [PRIMARY, REPLICA], None),
    ],
)
def test_one_primary_and_replicas_only_of_a_primary(
    wanted: EndpointType, present: list[Endpoint], error: type[Exception] | None
) -> None:
    if error is None:
        rules.may_have_endpoint(wanted, present)
        return
    with pytest.raises(error):
        rules.may_have_endpoint(wanted, present)


@pytest.mark.parametrize(
    ("kind", "name", "error"),
    [
        ("role", "anna", None),
        ("role", "ANNA ☃", None),
        ("role", "cloud_admin", Invalid),
        ("role", "pg_monitor", Invalid),
        ("role", "taken", Conflict),
        ("database", "pg_anything", None),
        ("database", "template1", Invalid),
        ("database", "taken", Conflict),
        ("branch", "postgres", None),
        ("branch", "taken", Conflict),
        ("snapshot", "pg_anything", None),
        ("snapshot", "taken", Conflict),
    ],
)
def test_names(kind: str, name: str, error: type[Exception] | None) -> None:
    if error is None:
        rules.may_be_called(kind, name, ["taken"])
        return
    says = f"{kind} already exists" if error is Conflict else f"{kind} name '{name}' is reserved"
    with pytest.raises(error, match=f"^{says}$"):
        rules.may_be_called(kind, name, ["taken"])


@pytest.mark.parametrize(
    ("branch", "others", "ahead", "allowed"),
    [
        (BRANCH, [], timedelta(hours=1), True),
        (BRANCH, [], timedelta(days=30), True),
        (BRANCH, [], timedelta(days=30, seconds=1), False),
        (BRANCH, [], timedelta(0), False),
        (BRANCH, [], -timedelta(hours=1), False),
        (replace(BRANCH, default=True), [], timedelta(hours=1), False),
        (replace(BRANCH, protected=True), [], timedelta(hours=1), False),
        (BRANCH, [CHILD], timedelta(hours=1), False),
    ],
)
def test_expiring(branch: Branch, others: list[Branch], ahead: timedelta, allowed: bool) -> None:
    if allowed:
        rules.may_expire(branch, others, NOW + ahead, NOW)
        return
    with pytest.raises(
        RuleViolation, match=r"cannot expire$|^expires_at must be in the future and at most 30 days"
    ):
        rules.may_expire(branch, others, NOW + ahead, NOW)


def test_a_role_that_owns_databases_stays() -> None:
    owned = Database(id=1, branch_id=BRANCH.id, name="shop", owner_name="anna", created_at=NOW, updated_at=NOW)

    rules.may_delete_role("ben", [owned])
    with pytest.raises(RuleViolation, match="shop"):
        rules.may_delete_role("anna", [owned])


def test_a_project_with_a_protected_branch_stays() -> None:
    rules.may_delete_project([BRANCH])
    with pytest.raises(RuleViolation, match="br-a"):
        rules.may_delete_project([replace(BRANCH, protected=True)])


def test_limits_have_neons_codes() -> None:
    quotas = rules.Quotas(projects=0, branches=1, endpoints=1)

    rules.may_have_another_branch(quotas, [])
    with pytest.raises(LimitExceeded) as projects:
        rules.may_have_another_project(quotas, [])
    with pytest.raises(LimitExceeded) as branches:
        rules.may_have_another_branch(quotas, [BRANCH])
    with pytest.raises(LimitExceeded) as endpoints:
        rules.may_have_another_endpoint(quotas, [PRIMARY])

    assert [str(error.value) for error in (projects, branches, endpoints)] == [
        "user projects limit of 0 exceeded, got 0",
        "project branches limit of 1 exceeded, got 1",
        "project endpoints limit of 1 exceeded, got 1",
    ]
    assert [error.value.code for error in (projects, branches, endpoints)] == [
        "PROJECTS_LIMIT_EXCEEDED",
        "BRANCHES_LIMIT_EXCEEDED",
        "ENDPOINTS_LIMIT_EXCEEDED",
    ]
