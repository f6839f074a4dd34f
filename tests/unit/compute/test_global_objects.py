"""The statements as text; that Postgres takes them is tests/integration/control/test_schema_copying.py's."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from dormouse.compute.global_objects import (
    Database,
    GlobalObjects,
    Grant,
    Role,
    Setting,
    create_database,
    create_roles,
    finish_database,
    split_list,
)


def role(name: str, verifier: str | None = None) -> Role:
    return Role(
        name=name,
        inherit=True,
        create_role=False,
        create_db=True,
        can_login=True,
        replication=False,
        bypass_rls=False,
        connection_limit=-1,
        verifier=verifier,
        valid_until=None,
        comment=None,
    )


ANA = role("ana")
NEONDB = Database(
    name="neondb",
    owner="ana",
    encoding="UTF8",
    collate="C.UTF-8",
    ctype="C.UTF-8",
    provider="c",
    locale=None,
    icu_rules=None,
    connection_limit=-1,
    is_template=False,
    comment=None,
    grants=None,
)


def server(*roles: Role, memberships: tuple[Grant, ...] = (), settings: tuple[Setting, ...] = ()) -> GlobalObjects:
    ours = replace(role("cloud_admin"), create_role=True)
    return GlobalObjects(roles=(ours, *roles), memberships=memberships, databases=(), settings=settings)


def text(statements: Iterable[sql.Composed]) -> list[str]:
    return [statement.as_string(None) for statement in statements]


def test_a_role_gets_its_attributes_and_verifier_and_is_no_superuser() -> None:
    made = text(
        create_roles(server(replace(ANA, verifier="SCRAM-x", connection_limit=3, comment="it's")), server())
    )

    assert made == [
        'CREATE ROLE "ana"',
        'ALTER ROLE "ana" WITH NOSUPERUSER INHERIT NOCREATEROLE CREATEDB LOGIN NOREPLICATION NOBYPASSRLS '
        "CONNECTION LIMIT 3 PASSWORD 'SCRAM-x'",
        "COMMENT ON ROLE \"ana\" IS 'it''s'",
    ]


def test_a_role_that_is_there_is_altered_and_one_that_is_too_much_goes() -> None:
    made = text(create_roles(server(ANA), server(ANA, role("neondb_owner"))))

    assert made[0] == 'DROP ROLE "neondb_owner"'
    assert made[1].startswith('ALTER ROLE "ana" WITH NOSUPERUSER ')
    assert len(made) == 2


def test_the_administrator_is_left_alone() -> None:
    setting = Setting(database="", role="cloud_admin", name="work_mem", value="1MB")

    assert text(create_roles(server(settings=(setting,)), server())) == []


def test_memberships_come_in_an_order_in_which_each_grantor_holds_what_it_gives() -> None:
    team = replace(ANA, name="team")
    by_bob = Grant(what="team", to="carol", by="bob", passes_on=False)
    by_ana = Grant(what="team", to="bob", by="ana", passes_on=True)
    by_us = Grant(what="team", to="ana", by="cloud_admin", passes_on=True)
    source = server(ANA, role("bob"), role("carol"), team, memberships=(by_bob, by_ana, by_us))

    made = [line for line in text(create_roles(source, server())) if line.startswith("GRANT")]

    assert made == [
        'GRANT "team" TO "ana" WITH ADMIN OPTION GRANTED BY "cloud_admin"',
        'GRANT "team" TO "bob" WITH ADMIN OPTION GRANTED BY "ana"',
        'GRANT "team" TO "carol" GRANTED BY "bob"',
    ]


@given(st.permutations([("a", "b", "root"), ("b", "c", "a"), ("c", "d", "b"), ("d", "a", "c"), ("x", "y", "z")]))
def test_no_grant_is_lost_whatever_their_order(given_: list[tuple[str, str, str]]) -> None:
    grants = tuple(Grant(what=what, to=to, by=by, passes_on=True) for what, to, by in given_)

    made = text(create_roles(server(memberships=grants), server()))

    assert len(made) == len(set(made)) == len(grants)


def test_since_postgres_16_a_membership_says_what_it_lets_one_do() -> None:
    grant = Grant(what="team", to="ana", by="cloud_admin", passes_on=True, inherit=False, set_role=True)

    made = text(create_roles(server(ANA, memberships=(grant,)), server(ANA)))

    assert made[-1] == 'GRANT "team" TO "ana" WITH ADMIN true, INHERIT false, SET true GRANTED BY "cloud_admin"'


def test_a_membership_that_the_source_lacks_is_taken_back() -> None:
    extra = Grant(what="pg_monitor", to="ana", by="cloud_admin", passes_on=False)
    gone = Grant(what="pg_monitor", to="dropped", by="cloud_admin", passes_on=False)

    made = text(create_roles(server(ANA), server(ANA, role("dropped"), memberships=(extra, gone))))

    assert [line for line in made if line.startswith("REVOKE")] == ['REVOKE "pg_monitor" FROM "ana"']


@pytest.mark.parametrize(
    ("owner", "name", "value", "statement"),
    [
        ("ana", "work_mem", "4MB", """ALTER ROLE "ana" SET "work_mem" TO '4MB'"""),
        ("", "work_mem", "4MB", """ALTER ROLE ALL SET "work_mem" TO '4MB'"""),
        ("ana", "search_path", '"$user", public', """ALTER ROLE "ana" SET "search_path" TO '$user', 'public'"""),
        ("ana", "search_path", '""', """ALTER ROLE "ana" SET "search_path" TO ''"""),
        ("ana", "app.x", "a, it's", """ALTER ROLE "ana" SET "app.x" TO 'a, it''s'"""),
    ],
)
def test_a_setting_of_roles_is_set_again(owner: str, name: str, value: str, statement: str) -> None:
    source = server(ANA, settings=(Setting(database="", role=owner, name=name, value=value),))

    assert text(create_roles(source, server(ANA)))[-1] == statement


def test_a_database_gets_its_settings_alone() -> None:
    settings = [
        Setting(database="neondb", role="", name="work_mem", value="1MB"),
        Setting(database="neondb", role="ana", name="work_mem", value="2MB"),
        Setting(database="other", role="", name="work_mem", value="3MB"),
        Setting(database="", role="ana", name="work_mem", value="4MB"),
    ]

    assert text(finish_database(NEONDB, settings)) == [
        """ALTER DATABASE "neondb" SET "work_mem" TO '1MB'""",
        """ALTER ROLE "ana" IN DATABASE "neondb" SET "work_mem" TO '2MB'""",
    ]


@pytest.mark.parametrize(
    ("provider", "locale", "rules", "words"),
    [
        ("c", None, None, "LOCALE_PROVIDER libc"),
        ("i", "de-AT", None, "LOCALE_PROVIDER icu ICU_LOCALE 'de-AT'"),
        ("i", "und", "& a < b", "LOCALE_PROVIDER icu ICU_LOCALE 'und' ICU_RULES '& a < b'"),
        ("b", "C.UTF-8", None, "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"),
    ],
)
def test_a_database_keeps_its_order_of_strings(
    provider: str, locale: str | None, rules: str | None, words: str
) -> None:
    database = replace(NEONDB, provider=provider, locale=locale, icu_rules=rules)

    # psycopg writes a negative number with a space before it.
    assert create_database(database).as_string(None).replace("  ", " ") == (
        'CREATE DATABASE "neondb" OWNER "ana" TEMPLATE template0 ENCODING \'UTF8\' '
        f"LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' {words} CONNECTION LIMIT -1"
    )


def test_privileges_are_granted_by_whom_they_were_granted() -> None:
    grants = (
        Grant(what="CONNECT", to="", by="ana", passes_on=False),
        Grant(what="CREATE", to="bob", by="ana", passes_on=True),
        Grant(what="CREATE", to="carol", by="bob", passes_on=False),
    )

    assert text(finish_database(replace(NEONDB, grants=grants), [])) == [
        'REVOKE ALL ON DATABASE "neondb" FROM PUBLIC, "ana"',
        'GRANT CONNECT ON DATABASE "neondb" TO PUBLIC',
        'GRANT CREATE ON DATABASE "neondb" TO "bob" WITH GRANT OPTION',
        'SET SESSION AUTHORIZATION "bob"',
        'GRANT CREATE ON DATABASE "neondb" TO "carol"',
        "RESET SESSION AUTHORIZATION",
    ]


def test_all_that_was_taken_away_is_taken_away() -> None:
    assert text(finish_database(replace(NEONDB, grants=()), [])) == [
        'REVOKE ALL ON DATABASE "neondb" FROM PUBLIC, "ana"'
    ]


def test_a_template_is_one_only_when_it_is_whole() -> None:
    made = text(finish_database(replace(NEONDB, is_template=True, comment="it's"), []))

    assert made == [
        "COMMENT ON DATABASE \"neondb\" IS 'it''s'",
        'ALTER DATABASE "neondb" IS_TEMPLATE true',
    ]


NAMES = st.text(st.characters(exclude_characters="\0"), max_size=6)


@given(st.lists(NAMES, min_size=1))
def test_a_list_is_taken_apart_as_the_server_put_it_together(names: list[str]) -> None:
    written = ", ".join('"' + name.replace('"', '""') + '"' for name in names)

    assert split_list(written) == names


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("public", ["public"]),
        ('"$user", public', ["$user", "public"]),
        ("a,b ,  c", ["a", "b", "c"]),
        ('""', [""]),
        ('"a" b', ['"a" b']),
        ('"open', ['"open']),
    ],
)
def test_lists_as_servers_write_them_and_what_is_none(written: str, names: list[str]) -> None:
    assert split_list(written) == names
