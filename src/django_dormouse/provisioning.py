"""A role, a database and its rights: which statements make what is wanted of what is there.

Pure: what was found comes in, statements come out, and none where nothing is to be done, so that the whole may
be repeated. Who runs them is `manage.py createdatabase`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django_dormouse.quoting import identifier, literal

__all__ = ["Found", "Refused", "Statement", "Wanted", "plan"]

_OWNER_OF_PUBLIC_SINCE = 150000
_SET_OPTION_SINCE = 160000


class Refused(Exception):
    """What is there is not what is wanted, and changing it could harm others. The text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the project needs."""

    role: str
    secret: str = field(repr=False)
    """What becomes the role's password: a SCRAM verifier, or empty for a role that needs none."""
    database: str
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings of the role, which hold for each of its sessions: timeouts, through poolers too."""
    may_create_databases: bool = False
    """Whether Django's test runner is to work with this role."""
    set_password: bool = False
    """Whether a role that is there gets this password in place of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the administrator sees."""

    server_version: int
    """As the server counts: 150004 is 15.4."""
    is_superuser: bool
    """The administrator."""
    role_exists: bool = False
    role_is_superuser: bool = False
    role_can_login: bool = False
    role_can_create_databases: bool = False
    role_settings: Mapping[str, str] = field(default_factory=dict)
    password_works: bool = False
    """Whether the role was let in with the project's password."""
    may_act_as_role: bool = False
    """Whether the administrator may hand things over to the role."""
    database_exists: bool = False
    owner: str = ""
    encoding: str = ""
    has_public: bool = True
    may_create_in_public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement, and where it is run."""

    sql: str = field(repr=False)
    shown: str
    """The same without a secret."""
    in_database: bool = False
    """In the new database, else in the administrator's."""


def plan(wanted: Wanted, found: Found) -> tuple[Statement, ...]:
    """The statements in their order; none if all is as wanted. Raises Refused, and ValueError for a bad name."""
    return (*_role(wanted, found), *_settings(wanted, found), *_database(wanted, found))


def _role(wanted: Wanted, found: Found) -> Iterator[Statement]:
    name = identifier(wanted.role)
    if not found.role_exists:
        words = "LOGIN NOSUPERUSER NOCREATEROLE " + ("CREATEDB" if wanted.may_create_databases else "NOCREATEDB")
        yield _with_secret(f"CREATE ROLE {name} {words}", wanted.secret)
    else:
        if found.role_is_superuser:
            raise Refused(
                f"The role {wanted.role!r} is a superuser, and a site's role is to be none: name another one in "
                f"DATABASES, or run ALTER ROLE {name} NOSUPERUSER yourself."
            )
        if not found.role_can_login:
            yield _plain(f"ALTER ROLE {name} LOGIN")
        if wanted.may_create_databases and not found.role_can_create_databases:
            yield _plain(f"ALTER ROLE {name} CREATEDB")
        if not found.password_works and wanted.secret:
            if not wanted.set_password:
                raise Refused(
                    f"The role {wanted.role!r} exists, and the password in DATABASES does not let it in. Put its "
                    "password there, or give it this one with --set-password (others may use the old one)."
                )
            yield _with_secret(f"ALTER ROLE {name}", wanted.secret)
    if not (found.is_superuser or found.may_act_as_role):
        # Without it CREATE DATABASE … OWNER is refused: who creates a role may administer it, and no more.
        suffix = " WITH SET TRUE" if found.server_version >= _SET_OPTION_SINCE else ""
        yield _plain(f"GRANT {name} TO CURRENT_USER{suffix}")


def _settings(wanted: Wanted, found: Found) -> Iterator[Statement]:
    for setting, value in wanted.settings.items():
        if found.role_settings.get(setting.lower()) != value:
            yield _plain(f"ALTER ROLE {identifier(wanted.role)} SET {identifier(setting)} = {literal(value)}")


def _database(wanted: Wanted, found: Found) -> Iterator[Statement]:
    database, role = identifier(wanted.database), identifier(wanted.role)
    if not found.database_exists:
        # template0, because any other may hold another encoding.
        yield _plain(f"CREATE DATABASE {database} OWNER {role} ENCODING 'UTF8' TEMPLATE template0")
    else:
        if found.encoding != "UTF8":
            raise Refused(
                f"The database {wanted.database!r} is encoded in {found.encoding}, and Django needs UTF8, which "
                "cannot be changed afterwards: name another database, or dump this one and load it into a new one."
            )
        if found.owner != wanted.role:
            yield _plain(f"ALTER DATABASE {database} OWNER TO {role}")
    if not found.has_public:
        yield _inside(f"CREATE SCHEMA public AUTHORIZATION {role}")
    elif not found.database_exists or not found.may_create_in_public:
        yield _inside(f"GRANT USAGE, CREATE ON SCHEMA public TO {role}")
    if not found.database_exists and found.server_version < _OWNER_OF_PUBLIC_SINCE:
        # As 15 and later have it by themselves: nobody else creates things in front of yours.
        yield _inside("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


def _plain(sql: str) -> Statement:
    return Statement(sql=sql, shown=sql)


def _inside(sql: str) -> Statement:
    return Statement(sql=sql, shown=sql, in_database=True)


def _with_secret(sql: str, secret: str) -> Statement:
    if not secret:
        return _plain(sql)
    return Statement(sql=f"{sql} PASSWORD {literal(secret)}", shown=f"{sql} PASSWORD '****'")
