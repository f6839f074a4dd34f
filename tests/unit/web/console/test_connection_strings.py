import ast
import shlex
from dataclasses import replace
from types import MappingProxyType

import psycopg.conninfo
import pytest

from dormouse.names import EndpointId
from dormouse.uri import ConnectionParameters
from dormouse.web.console.connection_strings import HIDDEN, TABS, Ways, hidden

PASSWORD = "it's $HOME"


def to(host: str, password: str | None = PASSWORD) -> ConnectionParameters:
    return ConnectionParameters(
        role="anna",
        password=password,
        host=host,
        port=55432,
        database="shop",
        options=MappingProxyType({"sslmode": "require", "hostaddr": "127.0.0.1"}),
    )


WAYS = Ways(
    endpoint=EndpointId("ep-r"),
    chosen=to("ep-r-pooler.test"),
    primary=to("ep-p-pooler.test"),
    unpooled=to("ep-p.test"),
    replicas=(to("ep-r-pooler.test"),),
    ca_path="/home/tls/ca.pem",
)


def dotenv() -> dict[str, str]:
    lines = (line.partition("=") for line in TABS["env"].text(WAYS).splitlines())
    return {name: value for name, _, value in lines}


def test_the_environment_has_the_primary_and_the_replicas() -> None:
    hosts = {name: psycopg.conninfo.conninfo_to_dict(url)["host"] for name, url in dotenv().items()}

    assert hosts == {
        "DATABASE_URL": "ep-p-pooler.test",
        "DATABASE_URL_UNPOOLED": "ep-p.test",
        "DATABASE_REPLICA_URL": "ep-r-pooler.test",
    }


def test_several_replicas_are_quoted() -> None:
    two = Ways(
        endpoint=WAYS.endpoint,
        chosen=WAYS.chosen,
        primary=WAYS.primary,
        unpooled=WAYS.unpooled,
        replicas=(to("a"), to("b")),
        ca_path="",
    )

    assert shlex.split(TABS["env"].text(two).splitlines()[-1])[0].count("postgresql://") == 2


def test_a_router_is_for_those_who_have_a_replica() -> None:
    alone = Ways(
        endpoint=WAYS.endpoint,
        chosen=WAYS.chosen,
        primary=WAYS.primary,
        unpooled=WAYS.unpooled,
        replicas=(),
        ca_path="",
    )

    assert "UNPOOLED" not in TABS["env"].text(replace(alone, primary=alone.unpooled))
    assert "Router" in TABS["settings"].text(WAYS)
    assert "Router" not in TABS["settings"].text(alone)
    assert "REPLICA" not in TABS["env"].text(alone)


def test_what_is_pasted_into_a_shell_arrives_whole() -> None:
    psql, url = shlex.split(TABS["psql"].text(WAYS))

    assert psql == "psql"
    assert psycopg.conninfo.conninfo_to_dict(url)["password"] == PASSWORD


def test_what_is_pasted_into_python_is_python() -> None:
    tree = ast.parse(TABS["psycopg"].text(WAYS))
    (url,) = [each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and "://" in str(each.value)]

    assert psycopg.conninfo.conninfo_to_dict(str(url))["password"] == PASSWORD


def test_other_drivers_get_a_name_that_resolves() -> None:
    found = psycopg.conninfo.conninfo_to_dict(TABS["other"].text(WAYS))

    assert (found["host"], found["options"], found.get("hostaddr")) == ("localhost", "endpoint=ep-r", None)


def test_verifying_names_the_authority() -> None:
    found = psycopg.conninfo.conninfo_to_dict(TABS["verify-full"].text(WAYS))

    assert (found["sslmode"], found["sslrootcert"]) == ("verify-full", "/home/tls/ca.pem")


@pytest.mark.parametrize("tab", TABS)
def test_hidden_means_hidden(tab: str) -> None:
    text = TABS[tab].text(hidden(WAYS))

    assert "HOME" not in text.replace("/home/", "")
    assert ("://" in text) is (HIDDEN in text)
    assert PASSWORD not in repr(WAYS)


def test_a_password_that_is_not_kept_is_not_made_up() -> None:
    unknown = to("a", password=None)
    ways = Ways(
        endpoint=EndpointId("a"), chosen=unknown, primary=unknown, unpooled=unknown, replicas=(), ca_path=""
    )

    assert HIDDEN not in TABS["url"].text(hidden(ways))
