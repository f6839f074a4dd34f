"""The statements are carried out on a small model of a server, which refuses what Postgres would refuse."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from dormouse.compute.configuration import Desired, Present, statements

NAME = r'"((?:[^"]|"")+)"'
RENAME_ROLE = re.compile(rf"ALTER ROLE {NAME} RENAME TO {NAME}", re.DOTALL)
CREATE_ROLE = re.compile(rf"CREATE ROLE {NAME} LOGIN [A-Z ]+ IN ROLE {NAME}", re.DOTALL)
PASSWORD = re.compile(rf"ALTER ROLE {NAME} PASSWORD '([^']*)'", re.DOTALL)
RENAME_DATABASE = re.compile(rf"ALTER DATABASE {NAME} RENAME TO {NAME}", re.DOTALL)
CREATE_DATABASE = re.compile(rf"CREATE DATABASE {NAME} OWNER {NAME}", re.DOTALL)
GRANT = re.compile(rf"GRANT ALL PRIVILEGES ON DATABASE {NAME} TO {NAME}", re.DOTALL)

NAMES = st.sampled_from(["neondb", "neondb_owner", "shop"]) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8
).filter(lambda name: name not in ("cloud_admin", "neon_superuser", "postgres", "template0", "template1"))


@dataclass
class Model:
    """A server as the template leaves it."""

    roles: dict[str, str | None]
    owners: dict[str, str]

    def execute(self, statement: sql.Composed) -> None:
        text = statement.as_string(None)
        for pattern, perform in (
            (RENAME_ROLE, self.rename_role),
            (CREATE_ROLE, self.create_role),
            (PASSWORD, self.set_password),
            (RENAME_DATABASE, self.rename_database),
            (CREATE_DATABASE, self.create_database),
            (GRANT, self.grant),
        ):
            if found := pattern.fullmatch(text):
                perform(*(name.replace('""', '"') for name in found.groups()))
                return
        raise AssertionError(f"not understood: {text}")

    def rename_role(self, old: str, new: str) -> None:
        assert new not in self.roles
        self.roles[new] = self.roles.pop(old)
        self.owners = {name: new if owner == old else owner for name, owner in self.owners.items()}

    def create_role(self, name: str, group: str) -> None:
        assert name not in self.roles
        assert group in self.roles
        self.roles[name] = None

    def set_password(self, name: str, verifier: str) -> None:
        assert name in self.roles
        self.roles[name] = verifier

    def rename_database(self, old: str, new: str) -> None:
        assert new not in self.owners
        self.owners[new] = self.owners.pop(old)

    def create_database(self, name: str, owner: str) -> None:
        assert name not in self.owners
        assert owner in self.roles
        self.owners[name] = owner

    def grant(self, database: str, role: str) -> None:
        assert database in self.owners
        assert role in self.roles

    @property
    def present(self) -> Present:
        return Present(verifiers=dict(self.roles), databases=frozenset(self.owners))


def template() -> Model:
    return Model(
        roles={"cloud_admin": None, "neon_superuser": None, "neondb_owner": None},
        owners={
            "postgres": "cloud_admin",
            "template0": "cloud_admin",
            "template1": "cloud_admin",
            "neondb": "neondb_owner",
        },
    )


@st.composite
def desires(draw: st.DrawFn) -> Desired:
    verifiers = draw(st.dictionaries(NAMES, st.sampled_from(["SCRAM-SHA-256$1", "SCRAM-SHA-256$2"]), min_size=1))
    databases = draw(st.sets(NAMES, min_size=1))
    return Desired(
        verifiers=verifiers,
        owners={database: draw(st.sampled_from(sorted(verifiers))) for database in sorted(databases)},
    )


def texts(desired: Desired, present: Present) -> list[str]:
    return [statement.as_string(None) for statement in statements(desired, present, major=17)]


@given(desires())
def test_a_server_gets_what_is_desired(desired: Desired) -> None:
    server = template()

    for statement in statements(desired, server.present, major=17):
        server.execute(statement)

    assert desired.verifiers.items() <= server.roles.items()
    assert desired.owners.keys() <= server.owners.keys()


@given(desires())
def test_what_is_there_asks_for_nothing(desired: Desired) -> None:
    server = template()
    for statement in statements(desired, server.present, major=17):
        server.execute(statement)

    assert texts(desired, server.present) == []


@given(desires(), st.integers(0, 12))
def test_cut_off_at_any_statement_the_next_start_arrives(desired: Desired, cut: int) -> None:
    server = template()
    for statement in statements(desired, server.present, major=17)[:cut]:
        server.execute(statement)

    for statement in statements(desired, server.present, major=17):
        server.execute(statement)

    assert desired.verifiers.items() <= server.roles.items()
    assert desired.owners.keys() <= server.owners.keys()


def test_the_template_becomes_the_project_that_was_asked_for() -> None:
    server = template()
    desired = Desired(verifiers={"anna": "SCRAM-SHA-256$1"}, owners={"shop": "anna"})

    for statement in statements(desired, server.present, major=17):
        server.execute(statement)

    assert server.roles == {"cloud_admin": None, "neon_superuser": None, "anna": "SCRAM-SHA-256$1"}
    assert server.owners["shop"] == "anna"
    assert "neondb" not in server.owners


def test_an_untouched_template_needs_a_password_only() -> None:
    desired = Desired(verifiers={"neondb_owner": "SCRAM-SHA-256$1"}, owners={"neondb": "neondb_owner"})

    assert texts(desired, template().present) == ["ALTER ROLE \"neondb_owner\" PASSWORD 'SCRAM-SHA-256$1'"]


def test_a_second_database_is_made_for_its_owner() -> None:
    desired = Desired(
        verifiers={"neondb_owner": "v"}, owners={"neondb": "neondb_owner", 'a "b" ☃ %': "neondb_owner"}
    )
    present = Present(
        verifiers={"neon_superuser": None, "neondb_owner": "v"}, databases=frozenset({"postgres", "neondb"})
    )

    assert texts(desired, present) == [
        'CREATE DATABASE "a ""b"" ☃ %" OWNER "neondb_owner"',
        'GRANT ALL PRIVILEGES ON DATABASE "a ""b"" ☃ %" TO "neon_superuser"',
    ]


@pytest.mark.parametrize("record", [Desired, Present])
def test_verifiers_are_not_shown(record: type) -> None:
    names = {"owners": {}} if record is Desired else {"databases": frozenset()}

    assert "SCRAM" not in repr(record(verifiers={"anna": "SCRAM-SHA-256$1"}, **names))
