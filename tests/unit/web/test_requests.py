import pytest
from pydantic import ValidationError

from dormouse.control.model import EndpointDefaults, EndpointSpec, EndpointType, ProjectSpec
from dormouse.names import BranchId
from dormouse.web.requests import EndpointCreateBody, ProjectCreateBody


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
        ('{"pg_settings": {"x": "y"}}', sizes(0.25, 0.25)),
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
