import io
import shlex
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest
from dotenv import dotenv_values

from dormouse.api.client import Client
from dormouse.cli.connections import FORMATS, Chosen, Target, choose, write
from dormouse.errors import UserError
from dormouse.uri import ConnectionParameters

CA = Path("/home/anna/100% o'clock/ca.pem")


class Shop:
    """What `choose` asks of a client: one project with two branches, the first with a primary and two replicas."""

    def __init__(self) -> None:
        self.project_list = [SimpleNamespace(id="cold-sea-1", name="shop")]
        self.branch_list = [
            SimpleNamespace(id="br-a", name="main", default=True),
            SimpleNamespace(id="br-b", name="dev", default=False),
        ]
        self.endpoint_list = [
            SimpleNamespace(id="ep-r1", branch_id="br-a", type="read_only"),
            SimpleNamespace(id="ep-w", branch_id="br-a", type="read_write"),
            SimpleNamespace(id="ep-r2", branch_id="br-a", type="read_only"),
            SimpleNamespace(id="ep-b", branch_id="br-b", type="read_write"),
        ]
        self.role_names = ["anna"]
        self.database_names = ["shop"]

    def projects(self, *, limit: int) -> SimpleNamespace:
        return SimpleNamespace(projects=self.project_list[:limit])

    def branches(self, project: str) -> SimpleNamespace:
        assert project in [found.id for found in self.project_list]
        return SimpleNamespace(branches=self.branch_list)

    def branch_endpoints(self, project: str, branch: str) -> list[SimpleNamespace]:
        return [found for found in self.endpoint_list if found.branch_id == branch]

    def roles(self, project: str, branch: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name) for name in self.role_names]

    def databases(self, project: str, branch: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name) for name in self.database_names]

    def connection_uri(self, project: str, *, database: str, role: str, endpoint: str, pooled: bool) -> str:
        host = f"{endpoint}-pooler" if pooled else endpoint
        return f"postgresql://{role}:secret@{host}.test:55432/{database}?sslmode=require"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def chosen_by(shop: Shop, **said: Any) -> Chosen:
    return choose(cast("Client", shop), Target(**said))


@pytest.mark.parametrize(
    ("said", "branch", "endpoint"),
    [
        ({}, "br-a", "ep-w"),
        ({"project": "shop"}, "br-a", "ep-w"),
        ({"project": "cold-sea-1", "branch": "br-b"}, "br-b", "ep-b"),
        ({"branch": "dev"}, "br-b", "ep-b"),
        ({"replica": True}, "br-a", "ep-r1"),
        ({"role": "anna", "database": "shop"}, "br-a", "ep-w"),
    ],
)
def test_what_was_meant(said: dict[str, Any], branch: str, endpoint: str, shop: Shop) -> None:
    found = chosen_by(shop, **said)

    assert (found.branch.id, found.endpoint.id, found.parameters.host) == (branch, endpoint, f"{endpoint}.test")


def test_all_replicas_of_the_branch_come_along(shop: Shop) -> None:
    assert [found.host for found in chosen_by(shop).replicas] == ["ep-r1.test", "ep-r2.test"]
    assert chosen_by(shop, branch="dev").replicas == ()


def test_by_way_of_the_pooler(shop: Shop) -> None:
    found = chosen_by(shop, pooled=True)

    assert (found.parameters.host, found.replicas[0].host) == ("ep-w-pooler.test", "ep-r1-pooler.test")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"project": "☃"}, "there is no project '☃'"),
        ({"branch": "prod"}, "there is no branch 'prod'"),
        ({"branch": ""}, "there is no branch"),
        ({"branch": "dev", "replica": True}, "branch 'dev' has no read_only compute"),
        ({"role": "bert"}, "there is no role 'bert'; found: anna"),
        ({"database": "blog"}, "there is no database 'blog'; found: shop"),
    ],
)
def test_what_is_not_there_is_named(said: dict[str, Any], message: str, shop: Shop) -> None:
    with pytest.raises(UserError) as caught:
        chosen_by(shop, **said)

    assert caught.value.message == message


@pytest.mark.parametrize(
    ("kind", "said"),
    [("project", {}), ("branch", {"branch": "main"}), ("role", {}), ("database", {})],
)
def test_where_there_are_several_one_must_be_chosen(kind: str, said: dict[str, Any], shop: Shop) -> None:
    shop.project_list += [SimpleNamespace(id="old-hat-2", name="blog")] * (kind == "project")
    shop.branch_list += [SimpleNamespace(id="br-c", name="main", default=False)] * (kind == "branch")
    shop.role_names += ["bert"] * (kind == "role")
    shop.database_names += ["blog"] * (kind == "database")

    with pytest.raises(UserError, match=f"there are several {kind}s: ") as caught:
        chosen_by(shop, **said)

    assert caught.value.hint == f"choose one with --{kind}"


def test_a_platform_without_projects_hints_at_the_demo(shop: Shop) -> None:
    shop.project_list = []

    with pytest.raises(UserError, match="there is no project") as caught:
        chosen_by(shop)

    assert "dormouse demo" in caught.value.hint


@pytest.fixture
def odd(shop: Shop) -> Chosen:
    """A choice whose every part has characters that mean something to somebody."""
    found = chosen_by(shop)
    options = MappingProxyType({"sslmode": "require", "hostaddr": "127.0.0.1"})
    parameters = replace(found.parameters, password="a 'b' \"c\" $d %e #f ☃", database="my shop", options=options)
    return replace(found, parameters=parameters)


def test_dotenv_is_read_by_dotenv(odd: Chosen) -> None:
    assert dotenv_values(stream=io.StringIO(write(odd, "dotenv", CA))) == {
        "DATABASE_URL": odd.parameters.url(),
        "DATABASE_REPLICA_URL": " ".join(replica.url() for replica in odd.replicas),
    }


def test_dotenv_of_a_branch_without_replicas_names_none(odd: Chosen) -> None:
    text = write(replace(odd, replicas=()), "dotenv", CA)

    assert "REPLICA" not in text


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
        odd.parameters, host="localhost", options={"sslmode": "require", "options": "endpoint=ep-w"}
    )
    assert "options=endpoint%3Dep-w" in url


def test_django_needs_a_router_where_there_are_replicas(odd: Chosen) -> None:
    assert "DATABASE_ROUTERS" in write(odd, "django", CA)
    assert "DATABASE_ROUTERS" not in write(replace(odd, replicas=()), "django", CA)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_something(name: str, odd: Chosen) -> None:
    assert write(odd, name, CA).strip()
