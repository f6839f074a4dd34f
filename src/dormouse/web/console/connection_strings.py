"""What to paste to connect: for each kind of client its text. Pure."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from dormouse.names import EndpointId
from dormouse.uri import ConnectionParameters

__all__ = ["HIDDEN", "TABS", "Tab", "Ways", "hidden"]

HIDDEN: Final = "********"
"""In the place of a password that nobody asked to see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How one compute is reached, and what is there beside it."""

    endpoint: EndpointId
    chosen: ConnectionParameters = field(repr=False)
    """To the compute that was chosen, by way of its pooler if that was."""
    primary: ConnectionParameters = field(repr=False)
    """To the branch's primary, or to what stands in its place; by way of its pooler like `chosen`."""
    unpooled: ConnectionParameters = field(repr=False)
    """The same past the pooler."""
    replicas: Sequence[ConnectionParameters] = field(repr=False)
    """To all read replicas of the branch."""
    ca_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One kind of client."""

    name: str
    title: str
    text: Callable[[Ways], str]
    note: str
    """What to do with the text."""


def hidden(ways: Ways) -> Ways:
    """The same without passwords."""

    def hide(parameters: ConnectionParameters) -> ConnectionParameters:
        return parameters if parameters.password is None else replace(parameters, password=HIDDEN)

    return replace(
        ways,
        chosen=hide(ways.chosen),
        primary=hide(ways.primary),
        unpooled=hide(ways.unpooled),
        replicas=tuple(map(hide, ways.replicas)),
    )


def _dotenv(ways: Ways) -> str:
    lines = [f"DATABASE_URL={ways.primary.url()}"]
    if ways.unpooled != ways.primary:
        # For migrations, which a pooler in transaction mode is not for.
        lines.append(f"DATABASE_URL_UNPOOLED={ways.unpooled.url()}")
    if ways.replicas:
        urls = " ".join(each.url() for each in ways.replicas)
        # Several are parted by spaces, which want quotes; a URL itself holds neither.
        lines.append(f'DATABASE_REPLICA_URL="{urls}"' if " " in urls else f"DATABASE_REPLICA_URL={urls}")
    return "\n".join(lines)


def _settings(ways: Ways) -> str:
    lines = ["# settings.py", "import django_dormouse", "", "DATABASES = django_dormouse.databases()"]
    lines.append('INSTALLED_APPS = [..., "django_dormouse"]')
    if ways.replicas:
        lines.append('DATABASE_ROUTERS = ["django_dormouse.replicas.Router"]')
        lines.append('MIDDLEWARE = ["django_dormouse.replicas.Middleware", ...]')
    return "\n".join(lines)


def _psql(ways: Ways) -> str:
    return f"psql {shlex.quote(ways.chosen.url())}"


def _psycopg(ways: Ways) -> str:
    return (
        "import psycopg\n\n"
        f"with psycopg.connect({ways.chosen.url()!r}) as connection:\n"
        '    print(connection.execute("SELECT version()").fetchone())'
    )


def _url(ways: Ways) -> str:
    return ways.chosen.url()


def _other(ways: Ways) -> str:
    return ways.chosen.without_hostaddr(ways.endpoint).url()


def _verify_full(ways: Ways) -> str:
    return ways.chosen.verified(ways.ca_path or "system").url()


TABS: Final[Mapping[str, Tab]] = MappingProxyType(
    {
        each.name: each
        for each in (
            Tab(
                name="env",
                title="Django .env",
                text=_dotenv,
                note="Paste it into the site's .env file: django_dormouse.databases() reads the environment.",
            ),
            Tab(
                name="settings",
                title="Django settings",
                text=_settings,
                note="With the .env file of the first tab beside manage.py.",
            ),
            Tab(name="psql", title="psql", text=_psql, note="Paste it into a shell."),
            Tab(name="psycopg", title="psycopg", text=_psycopg, note="Python; psycopg2 takes the same URL."),
            Tab(name="url", title="URL", text=_url, note="For everything that is built on libpq."),
            Tab(
                name="other",
                title="Other drivers",
                text=_other,
                note="For drivers that know no hostaddr: node-postgres, asyncpg, JDBC, Go. In “options” stands "
                "the compute, since “localhost” does not name it.",
            ),
            Tab(
                name="verify-full",
                title="verify-full",
                text=_verify_full,
                note="The server's name and certificate are checked against this platform's own authority.",
            ),
        )
    }
)
"""In the order in which they stand on the page; the first is shown to whoever chose none."""
