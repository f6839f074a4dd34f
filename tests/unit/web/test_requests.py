from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from dormouse.api.local import FaultRequest
from dormouse.control.model import (
    AllowedIps,
    BranchChange,
    BranchSpec,
    Endpoint,
    EndpointChange,
    EndpointDefaults,
    EndpointSettings,
    EndpointSpec,
    EndpointType,
    NewEndpoint,
    PreloadLibraries,
    Project,
    ProjectChange,
    ProjectSettings,
    ProjectSpec,
)
from dormouse.control.points import AtLsn, AtTime
from dormouse.names import BranchId, EndpointId, ProjectId
from dormouse.web.errors import NotYet
from dormouse.web.requests import (
    BranchCreateBody,
    BranchUpdateBody,
    DatabaseCreateBody,
    EndpointCreateBody,
    EndpointUpdateBody,
    FaultBody,
    PermissionGrantBody,
    PermissionRevokeBody,
    ProjectCreateBody,
    ProjectUpdateBody,
    RoleCreateBody,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def project(text: str) -> ProjectSpec:
    return ProjectCreateBody.model_validate_json(text).spec()


def sizes(least: float, most: float, timeout: int = 0) -> EndpointDefaults:
    return EndpointDefaults(
        autoscaling_limit_min_cu=least, autoscaling_limit_max_cu=most, suspend_timeout_seconds=timeout
    )


@pytest.mark.parametrize(
    "text", ['{"project":{}}', '{"project":{"branch":{}}}', '{"project":{"name":null,"branch":null}}']
)
def test_what_is_not_asked_for_is_as_usual(text: str) -> None:
    assert project(text) == ProjectSpec()


def test_what_is_asked_for() -> None:
    text = """{"project": {"name": "n", "pg_version": 16, "region_id": "r", "store_passwords": false,
        "history_retention_seconds": 0, "branch": {"name": "b", "role_name": "o", "database_name": "d"},
        "default_endpoint_settings": {"autoscaling_limit_min_cu": 1, "autoscaling_limit_max_cu": 2,
        "suspend_timeout_seconds": -1}}}"""

    assert project(text) == ProjectSpec(
        name="n",
        pg_version=16,
        region_id="r",
        store_passwords=False,
        history_retention_seconds=0,
        branch_name="b",
        role_name="o",
        database_name="d",
        endpoint_defaults=sizes(1, 2, -1),
    )


@pytest.mark.parametrize(
    ("settings", "meant"),
    [
        ('{"autoscaling_limit_min_cu": 2}', sizes(2, 2)),
        ('{"autoscaling_limit_max_cu": 2}', sizes(0.25, 2)),
        ('{"autoscaling_limit_min_cu": 0.5, "autoscaling_limit_max_cu": 4}', sizes(0.5, 4)),
        ('{"suspend_timeout_seconds": 7}', sizes(0.25, 0.25, 7)),
        ('{"pgbouncer_settings": {"x": "y"}}', sizes(0.25, 0.25)),
    ],
)
def test_one_limit_moves_the_other(settings: str, meant: EndpointDefaults) -> None:
    assert project(f'{{"project": {{"default_endpoint_settings": {settings}}}}}').endpoint_defaults == meant


def test_deprecated_limits_count_where_there_are_no_others() -> None:
    assert project('{"project": {"autoscaling_limit_max_cu": 2}}').endpoint_defaults == sizes(0.25, 2)
    both = '{"project": {"autoscaling_limit_max_cu": 2, "default_endpoint_settings": {}}}'
    assert project(both).endpoint_defaults == sizes(0.25, 0.25)


def test_endpoint_takes_the_projects_settings() -> None:
    body = EndpointCreateBody.model_validate_json('{"endpoint": {"branch_id": "br-a-b-1", "type": "read_only"}}')

    assert body.spec(sizes(1, 2, 60)) == EndpointSpec(
        branch_id=BranchId("br-a-b-1"),
        type=EndpointType.READ_ONLY,
        autoscaling_limit_min_cu=1,
        autoscaling_limit_max_cu=2,
        suspend_timeout_seconds=60,
    )


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"endpoint": {}}',
        '{"endpoint": {"branch_id": "br-1"}}',
        '{"endpoint": {"branch_id": "../x", "type": "read_only"}}',
        '{"endpoint": {"branch_id": "br-1", "type": "write_only"}}',
        '{"endpoint": {"branch_id": "br-1", "type": "read_only", "autoscaling_limit_min_cu": 0.1}}',
        '{"endpoint": {"branch_id": "br-1", "type": "read_only", "autoscaling_limit_min_cu": NaN}}',
        '{"endpoint": {"branch_id": "br-1", "type": "read_only", "suspend_timeout_seconds": 604801}}',
        '{"endpoint": {"branch_id": "br-1", "type": "read_only", "suspend_timeout_seconds": true}}',
        '{"endpoint": {"branch_id": "br-1", "type": "read_only", "disabled": "yes"}}',
        """{"endpoint": {"branch_id": "br-1", "type": "read_only",
            "autoscaling_limit_min_cu": 2, "autoscaling_limit_max_cu": 1}}""",
    ],
)
def test_endpoints_that_cannot_be(text: str) -> None:
    with pytest.raises(ValidationError):
        EndpointCreateBody.model_validate_json(text)


def test_complaints_do_not_repeat_what_was_sent() -> None:
    with pytest.raises(ValidationError) as caught:
        project('{"project": "secret"}')
    assert "secret" not in str(caught.value)


PROJECT = Project(
    id=ProjectId("p"),
    name="n",
    pg_version=17,
    region_id="r",
    store_passwords=True,
    history_retention_seconds=0,
    default_endpoint_settings=sizes(1, 2, 60),
    created_at=NOW,
    updated_at=NOW,
    settings=ProjectSettings(allowed_ips=AllowedIps(ips=("::1",), protected_branches_only=True)),
)
ENDPOINT = Endpoint(
    id=EndpointId("ep"),
    project_id=PROJECT.id,
    branch_id=BranchId("br"),
    type=EndpointType.READ_WRITE,
    name="",
    autoscaling_limit_min_cu=1,
    autoscaling_limit_max_cu=2,
    suspend_timeout_seconds=0,
    disabled=False,
    created_at=NOW,
    updated_at=NOW,
)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("{}", ProjectChange()),
        ('{"name": "m", "settings": null}', ProjectChange(name="m")),
        (
            '{"settings": {"allowed_ips": {"ips": []}}}',
            ProjectChange(settings=ProjectSettings(allowed_ips=AllowedIps(protected_branches_only=True))),
        ),
        (
            '{"settings": {"block_public_connections": true}}',
            ProjectChange(
                settings=ProjectSettings(allowed_ips=PROJECT.settings.allowed_ips, block_public_connections=True)
            ),
        ),
        (
            '{"default_endpoint_settings": {"autoscaling_limit_max_cu": 0.5}}',
            ProjectChange(default_endpoint_settings=sizes(0.5, 0.5, 60)),
        ),
    ],
)
def test_change_of_a_project_keeps_what_was_not_given(text: str, change: ProjectChange) -> None:
    assert ProjectUpdateBody.model_validate_json(f'{{"project": {text}}}').change(PROJECT) == change


@pytest.mark.parametrize("address", ["10.0.0.1", "10.0.0.0/8", "10.1.2.3/8", "fe80::1", "10.0.0.1-10.0.0.9"])
def test_addresses_that_may_be_allowed(address: str) -> None:
    spec = project(f'{{"project": {{"settings": {{"allowed_ips": {{"ips": ["{address}"]}}}}}}}}')

    assert spec.settings.allowed_ips.ips == (address,)


@pytest.mark.parametrize("address", ["", "localhost", "10.0.0", "10.0.0.0/33", "10.0.0.1-", "1-2-3", "*"])
def test_addresses_that_cannot_be(address: str) -> None:
    with pytest.raises(ValidationError):
        project(f'{{"project": {{"settings": {{"allowed_ips": {{"ips": ["{address}"]}}}}}}}}')


def branch(text: str) -> BranchSpec:
    return BranchCreateBody.model_validate_json(text).spec(sizes(1, 2))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"branch": {}, "endpoints": [], "annotation_value": {}}',
        '{"branch": null, "endpoints": null}',
        '{"branch": {"init_source": "parent-data", "archived": false, "parent_lsn": ""}}',
    ],
)
def test_branch_of_which_nothing_is_said(text: str) -> None:
    assert branch(text) == BranchSpec()


def test_branch_as_neonctl_asks_for_it() -> None:
    text = """{"branch": {"name": "f", "parent_id": "br-a-b-1", "expires_at": "2026-12-01T01:00:00.500+01:00"},
        "endpoints": [{"type": "read_write"}, {"type": "read_only", "autoscaling_limit_min_cu": 4}]}"""

    assert branch(text) == BranchSpec(
        name="f",
        parent_id=BranchId("br-a-b-1"),
        expires_at=datetime(2026, 12, 1, 0, 0, 0, 500000, tzinfo=UTC),
        endpoints=(
            NewEndpoint(
                type=EndpointType.READ_WRITE,
                autoscaling_limit_min_cu=1,
                autoscaling_limit_max_cu=2,
                suspend_timeout_seconds=0,
            ),
            NewEndpoint(
                type=EndpointType.READ_ONLY,
                autoscaling_limit_min_cu=4,
                autoscaling_limit_max_cu=4,
                suspend_timeout_seconds=0,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ('{"parent_lsn": "0/1FA22C0"}', BranchSpec(point=AtLsn(0x1FA22C0))),
        (
            '{"parent_timestamp": "2026-01-01T00:00:00.123Z"}',
            BranchSpec(point=AtTime(datetime(2026, 1, 1, 0, 0, 0, 123_000, tzinfo=UTC))),
        ),
        ('{"init_source": "schema-only"}', BranchSpec(schema_only=True)),
    ],
)
def test_where_a_branch_begins(text: str, spec: BranchSpec) -> None:
    assert branch(f'{{"branch": {text}}}') == spec


@pytest.mark.parametrize(
    "text",
    [
        '{"branch": {"parent_lsn": "1FA22C0"}}',
        '{"branch": {"parent_lsn": 1}}',
        '{"branch": {"parent_lsn": "0/1", "parent_timestamp": "2026-01-01T00:00:00Z"}}',
        '{"branch": {"init_source": "nothing"}}',
        '{"annotation_value": {"a": 1}}',
        '{"annotation_value": ["a"]}',
        '{"annotation_value": {' + ", ".join(f'"{number}": ""' for number in range(51)) + "}}",
        '{"endpoints": [{"type": "read_write", "settings": {"pg_settings": {"a b": ""}}}]}',
    ],
)
def test_branches_that_cannot_be(text: str) -> None:
    with pytest.raises(ValidationError):
        branch(text)


def test_an_archived_branch_is_still_to_come() -> None:
    with pytest.raises(NotYet, match="not available"):
        branch('{"branch": {"archived": true}}')


def test_a_branch_is_annotated_and_its_compute_has_settings() -> None:
    text = """{"annotation_value": {"git": "feature/x"}, "endpoints": [{"type": "read_write",
        "settings": {"pg_settings": {"jit": "off"}, "preload_libraries": {"use_defaults": false}}}]}"""

    spec = branch(text)

    assert spec.annotation == {"git": "feature/x"}
    assert spec.endpoints[0].settings == EndpointSettings(
        pg_settings={"jit": "off"}, preload_libraries=PreloadLibraries(use_defaults=False)
    )


def test_a_computes_own_settings_are_over_its_projects() -> None:
    text = """{"endpoint": {"branch_id": "br-a-b-1", "type": "read_only",
        "settings": {"preload_libraries": {"enabled_libraries": ["auto_explain"]}}}}"""
    usual = EndpointDefaults(pg_settings={"work_mem": "4MB"})

    assert EndpointCreateBody.model_validate_json(text).spec(usual).settings == EndpointSettings(
        pg_settings={"work_mem": "4MB"}, preload_libraries=PreloadLibraries(enabled_libraries=("auto_explain",))
    )
    assert EndpointUpdateBody.model_validate_json('{"endpoint": {}}').change(ENDPOINT).settings is None
    settings = '{"endpoint": {"settings": {"pg_settings": {"jit": "off"}}}}'
    assert EndpointUpdateBody.model_validate_json(settings).change(ENDPOINT).settings == EndpointSettings(
        pg_settings={"jit": "off"}
    )


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-01T00:00:00",
        "2026-01-01",
        "1767225600",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "",
    ],
)
def test_moments_that_cannot_be(moment: str) -> None:
    with pytest.raises(ValidationError):
        branch(f'{{"branch": {{"expires_at": "{moment}"}}}}')


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("{}", BranchChange()),
        ('{"name": "n", "protected": false}', BranchChange(name="n", protected=False)),
        ('{"expires_at": null}', BranchChange(expires_at=None)),
        ('{"expires_at": "2026-01-01T00:00:00Z"}', BranchChange(expires_at=NOW)),
    ],
)
def test_null_clears_an_expiry_and_absence_leaves_it(text: str, change: BranchChange) -> None:
    assert BranchUpdateBody.model_validate_json(f'{{"branch": {text}}}').change() == change


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("{}", EndpointChange()),
        ('{"name": "n", "disabled": true}', EndpointChange(name="n", disabled=True)),
        ('{"suspend_timeout_seconds": 0}', EndpointChange(suspend_timeout_seconds=0)),
        (
            '{"autoscaling_limit_min_cu": 4}',
            EndpointChange(autoscaling_limit_min_cu=4, autoscaling_limit_max_cu=4),
        ),
        (
            '{"autoscaling_limit_max_cu": 0.5}',
            EndpointChange(autoscaling_limit_min_cu=0.5, autoscaling_limit_max_cu=0.5),
        ),
    ],
)
def test_change_of_an_endpoint(text: str, change: EndpointChange) -> None:
    assert EndpointUpdateBody.model_validate_json(f'{{"endpoint": {text}}}').change(ENDPOINT) == change


@pytest.mark.parametrize("name", ["anna", "Anna O'Neil", "my/shop", "ünï ✿", "...", "a.b", "x" * 63])
def test_names_that_may_be_given(name: str) -> None:
    assert RoleCreateBody.model_validate({"role": {"name": name}}).role.name == name


@pytest.mark.parametrize(
    "name", ["", "x" * 64, "é" * 32, 'a"b', "a;b", "a\\b", "a\nb", "a\0b", "a/../b", "..", "./a", "a--", "/*"]
)
def test_names_that_may_not(name: str) -> None:
    with pytest.raises(ValidationError):
        RoleCreateBody.model_validate({"role": {"name": name}})


def test_owner_that_was_made_by_sql_may_be_called_anything() -> None:
    asked = {"database": {"name": "d", "owner_name": 'a "strange"; name'}}

    assert DatabaseCreateBody.model_validate(asked).database.owner_name == 'a "strange"; name'


@pytest.mark.parametrize(
    "email", ["", "anna", "anna@", "@example.com", "a b@example.com", "a@b@c", "x" * 256 + "@y"]
)
def test_addresses_of_nobody(email: str) -> None:
    with pytest.raises(ValidationError):
        PermissionGrantBody.model_validate({"email": email})


@pytest.mark.parametrize("key", ["permission_id", "id", "email"])
def test_permission_is_named_by_any_of_its_names(key: str) -> None:
    assert PermissionRevokeBody.model_validate({key: "x"}).named() == "x"


@pytest.mark.parametrize(
    "body",
    [
        '{"kind": "explode", "endpoint": "ep-a"}',
        '{"kind": "kill"}',
        '{"kind": "delay", "endpoint": "ep-a"}',
        '{"kind": "delay", "endpoint": "ep-a", "delay_ms": -1}',
        '{"kind": "deny", "endpoint": "ep-a"}',
        '{"kind": "deny", "endpoint": "ep-a", "seconds": 0}',
        '{"kind": "drop", "endpoint": "ep-a", "after_bytes": 5}',
        '{"kind": "drop", "endpoint": "../x"}',
    ],
)
def test_a_fault_that_is_not_whole_is_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        FaultBody.model_validate_json(body)


def test_a_fault_is_what_was_asked_for() -> None:
    asked = FaultBody.model_validate_json(
        '{"kind": "drop", "endpoint": "ep-a", "connections": 3, "after_bytes": 5}'
    )

    assert asked.fault() == FaultRequest(kind="drop", endpoint=EndpointId("ep-a"), connections=3, after_bytes=5)
    assert FaultBody.model_validate_json('{"kind": "clear"}').fault() == FaultRequest(kind="clear")
