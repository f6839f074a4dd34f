import io
import json
import shlex
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest
from dotenv import dotenv_values

from dormouse.api.client import Client
from dormouse.cli.connections import FORMATS, Chosen, Target, choose, variables, write
from dormouse.errors import UserError
from dormouse.uri import ConnectionParameters
from fake_api import FakeApi

CA = Path("/home/anna/100% o'clock/ca.pem")


def chosen_by(api: FakeApi, **said: Any) -> Chosen:
    return choose(cast("Client", api), Target(**said))


PRIMARY, OF_DEV, FIRST, SECOND = (f"ep-cold-sea-{number:08}" for number in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("said", "branch", "endpoint"),
    [
        ({}, "main", PRIMARY),
        ({"project": "shop"}, "main", PRIMARY),
        ({"project": "cold-sea-00000001", "branch": "br-cold-sea-00000002"}, "dev", OF_DEV),
        ({"branch": "dev"}, "dev", OF_DEV),
        ({"replica": True}, "main", FIRST),
        ({"role": "anna", "database": "shop"}, "main", PRIMARY),
    ],
)
def test_what_was_meant(said: dict[str, Any], branch: str, endpoint: str, api: FakeApi) -> None:
    found = chosen_by(api, **said)

    assert (found.branch.name, found.endpoint.id) == (branch, endpoint)
    assert found.parameters.host == f"{endpoint}.dormouse.localhost"


def test_all_replicas_of_the_branch_come_along(api: FakeApi) -> None:
    hosts = [found.host for found in chosen_by(api).replicas]

    assert hosts == [f"{FIRST}.dormouse.localhost", f"{SECOND}.dormouse.localhost"]
    assert chosen_by(api, branch="dev").replicas == ()


def test_the_owner_of_the_database_is_meant_where_there_are_several_roles(api: FakeApi) -> None:
    api.role_names[:] = ["aaron", "anna", "zoe"]

    assert chosen_by(api).parameters.role == "anna"
    assert chosen_by(api, role="zoe").parameters.role == "zoe"


def test_by_way_of_the_pooler(api: FakeApi) -> None:
    found = chosen_by(api, pooled=True)

    assert found.parameters.host == f"{PRIMARY}-pooler.dormouse.localhost"
    assert found.direct.host == f"{PRIMARY}.dormouse.localhost"
    assert found.replicas[0].host == f"{FIRST}-pooler.dormouse.localhost"


def test_a_host_without_a_port_leaves_postgres_its_own(api: FakeApi) -> None:
    api.endpoint_list = [replace(each, host=f"{each.id}.us-east-2.aws.neon.tech") for each in api.endpoint_list]
    api.connection_uri = lambda *_, **__: "postgresql://anna:x@ep-a.us-east-2.aws.neon.tech/shop?sslmode=require"

    found = chosen_by(api, pooled=True)

    assert found.parameters.url() == (
        f"postgresql://anna:x@{PRIMARY}-pooler.us-east-2.aws.neon.tech/shop?sslmode=require"
    )


def test_a_branch_without_replica_says_how_to_add_one(api: FakeApi) -> None:
    with pytest.raises(UserError, match="branch 'dev' has no read_only compute") as caught:
        chosen_by(api, branch="dev", replica=True)

    assert caught.value.hint == "add one: `dormouse replica add --branch dev`"


@pytest.fixture
def odd(api: FakeApi) -> Chosen:
    """A choice whose every part has characters that mean something to somebody."""
    found = chosen_by(api)
    options = MappingProxyType({"sslmode": "require", "hostaddr": "127.0.0.1"})
    parameters = replace(found.parameters, password="a 'b' \"c\" $d %e #f ☃", database="my shop", options=options)
    return replace(found, parameters=parameters, direct=parameters)


def test_dotenv_is_read_by_dotenv(odd: Chosen) -> None:
    assert dotenv_values(stream=io.StringIO(write(odd, "dotenv", CA))) == {
        "DATABASE_URL": odd.parameters.url(),
        "DATABASE_URL_UNPOOLED": odd.direct.url(),
        "DATABASE_REPLICA_URL": " ".join(replica.url() for replica in odd.replicas),
    }


def test_dotenv_of_a_branch_without_replicas_names_none(odd: Chosen) -> None:
    text = write(replace(odd, replicas=()), "dotenv", CA)

    assert "REPLICA" not in text


def test_shell_is_read_by_a_shell(odd: Chosen) -> None:
    lines = [shlex.split(line) for line in write(odd, "shell", CA).splitlines()]

    assert {verb for verb, _ in lines} == {"export"}
    assert dict(setting.split("=", 1) for _, setting in lines) == variables(odd)


def test_json_gives_the_same_variables(odd: Chosen) -> None:
    assert json.loads(write(odd, "json", CA)) == variables(odd)


def test_url_is_the_url_alone(odd: Chosen) -> None:
    assert write(odd, "url", CA) == odd.parameters.url()


def test_pg_is_read_by_a_shell(odd: Chosen) -> None:
    lines = [shlex.split(line) for line in write(odd, "pg", CA).splitlines()]

    assert {verb for verb, _ in lines} == {"export"}
    assert dict(setting.split("=", 1) for _, setting in lines) == odd.parameters.pg_variables()


def test_verify_full_names_the_authority_and_keeps_the_rest(odd: Chosen) -> None:
    found = ConnectionParameters.from_url(write(odd, "verify-full", CA))

    assert found == replace(
        odd.parameters, options={"sslmode": "verify-full", "hostaddr": "127.0.0.1", "sslrootcert": str(CA)}
    )


def test_other_names_a_host_that_resolves_and_the_endpoint_in_the_options(odd: Chosen) -> None:
    url = write(odd, "other", CA)

    assert ConnectionParameters.from_url(url) == replace(
        odd.parameters, host="localhost", options={"sslmode": "require", "options": f"endpoint={PRIMARY}"}
    )
    assert f"options=endpoint%3D{PRIMARY}" in url


def test_elsewhere_the_systems_authorities_vouch_for_the_server(odd: Chosen) -> None:
    assert "sslmode=verify-full" in write(odd, "verify-full", None)
    assert "sslrootcert=system" in write(odd, "verify-full", None)
    assert write(odd, "other", None) == odd.parameters.url()
    assert "sslrootcert" not in write(odd, "dotenv", None)


def test_django_needs_a_router_where_there_are_replicas(odd: Chosen) -> None:
    assert "DATABASE_ROUTERS" in write(odd, "django", CA)
    assert "DATABASE_ROUTERS" not in write(replace(odd, replicas=()), "django", CA)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_something(name: str, odd: Chosen) -> None:
    assert write(odd, name, CA).strip()
