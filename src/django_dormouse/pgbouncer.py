"""What a PgBouncer in front of the project's databases is told: `pgbouncer.ini` and `userlist.txt`.

Pure: databases, limits and secrets come in, texts come out; `manage.py pgbouncerconfig` asks and writes.
Manual: pgbouncer(5).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["GET_AUTH", "Entry", "Options", "Refused", "Server", "Sizes", "render_ini", "render_userlist", "sizes"]

_LEFT_FOR_OTHERS = 0.1
_LEFT_AT_LEAST = 3
"""migrate, psql and a monitor, which go past the pooler."""

_PREPARES_SINCE = (1, 21)
_TAKES_OPTIONS_SINCE = (1, 20)

GET_AUTH = """\
CREATE ROLE {role} LOGIN PASSWORD '…';
CREATE SCHEMA pgbouncer AUTHORIZATION CURRENT_USER;
CREATE FUNCTION pgbouncer.get_auth(name text) RETURNS TABLE (name_found text, secret text)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
    AS 'SELECT rolname::text, rolpassword FROM pg_authid WHERE rolname = $1 AND rolcanlogin AND NOT rolsuper';
REVOKE ALL ON FUNCTION pgbouncer.get_auth(text) FROM PUBLIC;
GRANT USAGE ON SCHEMA pgbouncer TO {role};
GRANT EXECUTE ON FUNCTION pgbouncer.get_auth(text) TO {role};
"""
"""What an administrator runs in each database for `auth_query`: only a function of his reads `pg_authid`."""


class Refused(Exception):
    """No configuration can be right. The text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One Postgres, with what limits its connections."""

    host: str
    port: str
    max_connections: int
    reserved: int
    """superuser_reserved_connections and, since 16, reserved_connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One database of the project."""

    name: str
    """As clients of the pooler call it."""
    alias: str
    server: Server
    database: str
    role: str
    secret: str = field(repr=False)
    """For userlist.txt: a SCRAM verifier that is the server's own, or the password; empty with auth_query."""
    sslmode: str = ""
    sslrootcert: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is chosen."""

    pool_mode: str = "transaction"
    listen_addr: str = "127.0.0.1"
    listen_port: int = 6432
    instances: int = 1
    """How many PgBouncers share the servers."""
    version: tuple[int, int] = (1, 18)
    auth_user: str = ""
    """Who runs auth_query; empty for userlist.txt alone."""
    userlist: str = "userlist.txt"
    """The path, as PgBouncer is to open it."""
    clients: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How the connections of one server are shared."""

    usable: int
    """Without those that only superusers get."""
    for_others: int
    """Left for what goes past the pooler."""
    pool_size: int
    """Of each entry on that server, in each PgBouncer."""


def sizes(server: Server, entries: int, instances: int) -> Sizes:
    """The share of each of `entries` databases. Raises Refused if it is none."""
    usable = server.max_connections - server.reserved
    for_others = max(_LEFT_AT_LEAST, round(usable * _LEFT_FOR_OTHERS))
    pool_size = (usable - for_others) // (entries * instances)
    if pool_size < 1:
        raise Refused(
            f"max_connections is {server.max_connections} at {server.host or 'the local socket'}; without "
            f"{server.reserved} reserved ones and {for_others} for migrations and psql, nothing is left for "
            f"{entries} databases in {instances} poolers. Raise max_connections, or run fewer poolers."
        )
    return Sizes(usable=usable, for_others=for_others, pool_size=pool_size)


def render_ini(entries: Sequence[Entry], options: Options) -> str:
    """The whole of pgbouncer.ini, each number with its reason. Raises Refused."""
    return "\n".join([*_databases(entries, options), "", *_pooler(entries, options)]) + "\n"


def render_userlist(entries: Sequence[Entry]) -> str:
    """userlist.txt: each role once. Raises Refused where one role has two secrets."""
    secrets: dict[str, str] = {}
    for entry in entries:
        if secrets.setdefault(entry.role, entry.secret) != entry.secret:
            raise Refused(
                f"The role {entry.role!r} has another secret at {entry.alias!r}, and PgBouncer knows one for each "
                "role: give the servers roles of different names, or write passwords with --plain-passwords."
            )
    lines = [f"{_in_quotes(role)} {_in_quotes(secret)}" for role, secret in sorted(secrets.items()) if secret]
    return "".join(f"{line}\n" for line in lines)


def _databases(entries: Sequence[Entry], options: Options) -> Iterator[str]:
    yield "; Written by manage.py pgbouncerconfig. What it names is read by PgBouncer's user alone (chmod 0600)."
    yield "[databases]"
    for server in dict.fromkeys(entry.server for entry in entries):
        there = [entry for entry in entries if entry.server == server]
        size = sizes(server, len(there), options.instances)
        many = f", {options.instances} poolers" if options.instances > 1 else ""
        yield (
            f"; max_connections {server.max_connections} - {server.reserved} reserved for superusers = "
            f"{size.usable}; - {size.for_others} for migrate, psql and monitoring;"
        )
        yield f"; shared by {len(there)} database{'s' if len(there) > 1 else ''}{many}: {size.pool_size} for each."
        for entry in there:
            yield _line(entry, size, options)


def _line(entry: Entry, size: Sizes, options: Options) -> str:
    words = {
        "host": entry.server.host,
        "port": entry.server.port,
        "dbname": entry.database,
        "auth_user": options.auth_user,
    }
    told = " ".join(f"{key}={_in_single_quotes(value)}" for key, value in words.items() if value)
    # Twice the limit on purpose: pool_size counts for each role, max_db_connections for all roles together.
    return f"{_name(entry.name)} = {told} pool_size={size.pool_size} max_db_connections={size.pool_size}"


def _pooler(entries: Sequence[Entry], options: Options) -> Iterator[str]:
    yield "[pgbouncer]"
    yield f"listen_addr = {options.listen_addr}"
    yield f"listen_port = {options.listen_port}"
    yield "; Clients prove their password; PgBouncer logs in to the server with the same SCRAM keys."
    yield "auth_type = scram-sha-256"
    yield f"auth_file = {options.userlist}"
    if options.auth_user:
        yield "; Roles that are not in the file are looked up in the database; only this function may read them."
        yield "auth_query = SELECT name_found, secret FROM pgbouncer.get_auth($1)"
    yield ""
    if options.pool_mode == "transaction":
        yield "; A server connection is a client's for one transaction. What lives longer than that breaks: SET,"
        yield "; LISTEN, session advisory locks, temporary tables, server-side cursors (pooled=true ends those)."
        yield "pool_mode = transaction"
    else:
        yield "; A server connection is a client's until it leaves: everything works, and as many clients as the"
        yield "; pool is large are served at once; with kept connections (CONN_MAX_AGE) each worker holds one."
        yield "pool_mode = session"
        yield "; What one client left behind, the next one does not find."
        yield "server_reset_query = DISCARD ALL"
    yield ""
    yield "; Clients cost little here; each needs a file descriptor (ulimit -n), and one more for its server."
    yield f"max_client_conn = {options.clients}"
    yield "; Of databases that are not listed above there are none."
    yield "default_pool_size = 1"
    yield "; As long as this package tries to connect; who waits longer has gone away."
    yield "query_wait_timeout = 15"
    yield "; Unused server connections are closed well before a compute would fall asleep (300 s)."
    yield "server_idle_timeout = 60"
    yield "; A server that was just told to stop is no reason to refuse clients for 15 seconds."
    yield "server_login_retry = 1"
    yield from _tls(entries)
    yield ""
    yield "; psycopg2 and JDBC send it; it changes nothing for Django."
    yield "ignore_startup_parameters = extra_float_digits"
    if options.version < _TAKES_OPTIONS_SINCE:
        yield f"; PgBouncer {options.version[0]}.{options.version[1]} refuses `options` at startup: timeouts"
        yield "; belong to the role (manage.py createdatabase sets them)."
    if options.version >= _PREPARES_SINCE and options.pool_mode == "transaction":
        yield "; Prepared statements are carried from one server connection to the next."
        yield "max_prepared_statements = 200"


def _tls(entries: Sequence[Entry]) -> Iterator[str]:
    modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
    strongest = max((modes.index(entry.sslmode or "prefer") for entry in entries), default=2)
    if strongest != modes.index("prefer"):
        yield ""
        yield "; To the server, as the strictest of DATABASES wants it: PgBouncer has one mode for all."
        yield f"server_tls_sslmode = {modes[strongest]}"
    roots = {entry.sslrootcert for entry in entries if entry.sslrootcert}
    if "system" in roots:
        raise Refused(
            "sslrootcert=system has no like in PgBouncer: name the file, on Debian "
            "/etc/ssl/certs/ca-certificates.crt."
        )
    if len(roots) > 1:
        raise Refused("The databases have different sslrootcert, and PgBouncer knows one: join the files.")
    for root in roots:
        yield f"server_tls_ca_file = {root}"


def _name(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        return name
    if "\n" in name:
        raise Refused("A database has a line break in its name, which an ini file cannot hold.")
    return _in_quotes(name)


def _in_quotes(text: str) -> str:
    if "\n" in text or "\0" in text:
        raise Refused("A role, a password or a database holds a line break, which PgBouncer's files cannot hold.")
    return '"' + text.replace('"', '""') + '"'


def _in_single_quotes(text: str) -> str:
    if "\n" in text or "\0" in text:
        raise Refused("A host or a database holds a line break, which an ini file cannot hold.")
    return "'" + text.replace("'", "''") + "'"
