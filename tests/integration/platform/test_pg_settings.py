"""`pg_settings` of the API: checked by the Postgres that is to have them, applied at the next start."""

import psycopg
import pytest
from fix_platform import Made, Platform, rows

from dormouse.api.bodies import EndpointCreate, EndpointUpdate, ProjectCreate
from dormouse.api.errors import Refused
from dormouse.api.records import EndpointSettings
from dormouse.names import BranchId, EndpointId, ProjectId

USUAL = {"work_mem": "7MB", "DateStyle": "ISO, DMY", "app.tenant": "o'clock \\ ☃", "statement_timeout": "9s"}


def shown(url: str, name: str) -> object:
    return rows(url, f"SHOW {name}")[0][0]


@pytest.fixture(scope="module")
def made(platform: Platform) -> Made:
    answer = platform.client.create_project(
        ProjectCreate(default_endpoint_settings=EndpointSettings(pg_settings=USUAL))
    )
    return Made(
        project=ProjectId(answer.project.id),
        branch=BranchId(answer.branch.id),
        primary=EndpointId(answer.endpoints[0].id),
        url=answer.connection_uris[0].connection_uri,
    )


@pytest.mark.parametrize(("name", "value"), USUAL.items())
def test_a_projects_settings_are_those_of_its_computes(made: Made, name: str, value: str) -> None:
    assert shown(made.url, name) == value


def test_a_compute_gets_its_own_at_its_next_start(platform: Platform, made: Made) -> None:
    platform.client.update_endpoint(
        made.project, made.primary, EndpointUpdate(settings={"pg_settings": {"work_mem": "9MB"}})
    )
    before = shown(made.url, "work_mem")

    platform.put_to_sleep(made)

    assert (before, shown(made.url, "work_mem"), shown(made.url, "statement_timeout")) == ("7MB", "9MB", "0")


def test_a_replica_has_its_own(platform: Platform, made: Made) -> None:
    answer = platform.client.create_endpoint(
        made.project,
        EndpointCreate(
            branch_id=made.branch, type="read_only", settings={"pg_settings": {"random_page_cost": "1.25"}}
        ),
    )

    assert shown(made.url.replace(made.primary, answer.endpoint.id), "random_page_cost") == "1.25"


def test_the_platform_is_not_hindered_by_them(platform: Platform) -> None:
    hard = {"default_transaction_read_only": "on", "statement_timeout": "1ms", "search_path": "nowhere"}
    answer = platform.client.create_project(
        ProjectCreate(default_endpoint_settings=EndpointSettings(pg_settings=hard))
    )
    url = answer.connection_uris[0].connection_uri

    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        rows(url, "CREATE TABLE public.t ()")

    made = platform.client.create_role(ProjectId(answer.project.id), BranchId(answer.branch.id), "reader")
    assert made.role.name == "reader"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"work_mem": "lots"}, 'invalid value for parameter "work_mem": "lots"'),
        ({"work_mem": "1kB"}, '1 kB is outside the valid range for parameter "work_mem"'),
        ({"jit": "on", "random_page_cost": "cheap"}, "random_page_cost"),
        ({"log_min_messages": "blue"}, "Available values: debug5"),
        ({"TimeZone": "Mars"}, 'invalid value for parameter "TimeZone": "Mars"'),
        ({"work_memory": "8MB"}, 'unrecognized configuration parameter "work_memory"'),
        ({"max_connections": "1000"}, 'the parameter "max_connections" cannot be set'),
        ({"listen_addresses": "*"}, 'the parameter "listen_addresses" cannot be set'),
        ({"shared_preload_libraries": "evil"}, 'cannot load "evil"'),
    ],
)
def test_what_cannot_be_is_refused_and_named(
    platform: Platform, made: Made, settings: dict[str, str], told: str
) -> None:
    asked = EndpointSettings(pg_settings=settings)
    own = {"pg_settings": settings}

    for attempt in (
        lambda: platform.client.create_project(ProjectCreate(default_endpoint_settings=asked)),
        lambda: platform.client.update_endpoint(made.project, made.primary, EndpointUpdate(settings=own)),
        lambda: platform.client.create_endpoint(
            made.project, EndpointCreate(branch_id=made.branch, type="read_only", settings=own)
        ),
    ):
        with pytest.raises(Refused) as caught:
            attempt()
        assert caught.value.status == 400
        assert told in caught.value.message
