"""Which statements make a role and a database of what is there."""

from dataclasses import replace

import pytest

from django_dormouse.provisioning import Found, Refused, Wanted, plan
from django_dormouse.quoting import identifier, literal

SECRET = "SCRAM-SHA-256$4096:salt$stored:server"
WANTED = Wanted(role="shop", secret=SECRET, database="shop", settings={"lock_timeout": "10s"})
EMPTY = Found(server_version=150000, is_superuser=True)
DONE = Found(
    server_version=150000,
    is_superuser=True,
    role_exists=True,
    role_can_login=True,
    role_settings={"lock_timeout": "10s"},
    password_works=True,
    database_exists=True,
    owner="shop",
    encoding="UTF8",
    may_create_in_public=True,
)


def shown(wanted=WANTED, found=EMPTY) -> list[str]:
    return [statement.shown for statement in plan(wanted, found)]


def test_everything_on_an_empty_server():
    assert shown() == [
        "CREATE ROLE \"shop\" LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB PASSWORD '****'",
        'ALTER ROLE "shop" SET "lock_timeout" = \'10s\'',
        'CREATE DATABASE "shop" OWNER "shop" ENCODING \'UTF8\' TEMPLATE template0',
        'GRANT USAGE, CREATE ON SCHEMA public TO "shop"',
    ]
    assert [statement.in_database for statement in plan(WANTED, EMPTY)] == [False, False, False, True]


def test_nothing_where_all_is_there():
    assert shown(found=DONE) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"role_can_login": False}, 'ALTER ROLE "shop" LOGIN'),
        ({"role_settings": {"lock_timeout": "1s"}}, 'ALTER ROLE "shop" SET "lock_timeout" = \'10s\''),
        ({"owner": "other"}, 'ALTER DATABASE "shop" OWNER TO "shop"'),
        ({"may_create_in_public": False}, 'GRANT USAGE, CREATE ON SCHEMA public TO "shop"'),
        ({"has_public": False}, 'CREATE SCHEMA public AUTHORIZATION "shop"'),
        ({"is_superuser": False}, 'GRANT "shop" TO CURRENT_USER'),
        ({"is_superuser": False, "server_version": 160000}, 'GRANT "shop" TO CURRENT_USER WITH SET TRUE'),
    ],
)
def test_only_what_is_missing(changed, expected):
    assert shown(found=replace(DONE, **changed)) == [expected]


def test_before_15_the_public_schema_is_closed_to_others():
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in shown(found=replace(EMPTY, server_version=140000))


def test_a_role_for_tests():
    wanted = replace(WANTED, may_create_databases=True)

    assert " CREATEDB " in shown(wanted)[0]
    assert shown(wanted, DONE) == ['ALTER ROLE "shop" CREATEDB']


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"role_is_superuser": True}, "is a superuser"),
        ({"password_works": False}, "--set-password"),
        ({"encoding": "SQL_ASCII"}, "encoded in SQL_ASCII"),
    ],
)
def test_what_could_harm_others_is_refused(changed, says):
    with pytest.raises(Refused, match=says):
        shown(found=replace(DONE, **changed))


def test_a_password_is_changed_when_asked_for_and_never_shown():
    [statement] = plan(replace(WANTED, set_password=True), replace(DONE, password_works=False))

    assert statement.shown == "ALTER ROLE \"shop\" PASSWORD '****'"
    assert statement.sql == f"ALTER ROLE \"shop\" PASSWORD '{SECRET}'"
    assert SECRET not in repr(statement) + repr(WANTED)


def test_quoting():
    assert identifier('a"b') == '"a""b"'
    assert literal("it's") == "'it''s'"
    assert literal("a\\b'") == " E'a\\\\b'''"
    for bad in ("", "a\0"):
        with pytest.raises(ValueError, match="name"):
            identifier(bad)
    with pytest.raises(ValueError, match="NUL"):
        literal("\0")
