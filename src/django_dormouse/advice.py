"""What to do about a connection that was refused, by the words of the refusal.

Drivers give no SQLSTATE while connecting, and Neon's proxy flattens every code, so the message is all there is.
The first line that fits wins; what no line fits is told as it is.
"""

import re
from typing import Final

__all__ = ["advice"]

_TABLE: Final = tuple(
    (re.compile(words, re.IGNORECASE | re.DOTALL), told)
    for words, told in (
        (
            r"endpoint id is not specified",
            "The proxy was not told which endpoint is meant: this libpq sends no server name (14 and later do), "
            "or the host is an address. Use psycopg[binary], or options=endpoint=ep-….",
        ),
        (r"inconsistent project name", "The endpoint in options is another one than the host's: leave one out."),
        (
            r"password authentication failed|no password supplied|password .*incorrect",
            "Role or password is wrong. Compare it with what the server's owner gave you; percent-encode @, /, : "
            "and % in a URL. For a new role: manage.py createdatabase.",
        ),
        (r"is not permitted to log in", "The role may not log in: ALTER ROLE … LOGIN."),
        (
            r"role .* does not exist",
            "There is no such role at this server: is it the right server? manage.py createdatabase makes one.",
        ),
        (
            r"database .* does not exist",
            "There is no such database at this server: is it the right one? manage.py createdatabase makes it.",
        ),
        (
            r"no encryption|no pg_hba\.conf entry.*ssl (?:off|encryption)",
            "The server takes this role only encrypted (or not from here): set sslmode=require. Else its owner "
            "adds a line for this address to pg_hba.conf.",
        ),
        (
            r"pg_hba\.conf",
            "The server lets nobody in from this address with this role and database: its owner adds a line to "
            "pg_hba.conf, and reloads.",
        ),
        (r"permission denied for database", "The role may not connect: GRANT CONNECT ON DATABASE … TO …."),
        (
            r"is not currently accepting connections",
            "The database was closed: ALTER DATABASE … ALLOW_CONNECTIONS true.",
        ),
        (r"endpoint (?:has been|is) disabled", "Somebody disabled the endpoint: enable it in the console."),
        (
            r"endpoint (?:could not|cannot) be found|endpoint .*not found|no endpoint",
            "There is no endpoint of that name: it, or its branch, was deleted, or the host has a typing mistake.",
        ),
        (r"quota", "The project's quota is used up: it starts again next month, or with a larger plan."),
        (
            r"ip address .* not allowed",
            "The project takes connections from listed addresses alone: add this one to its IP allow list.",
        ),
        (
            r"unsupported startup parameter",
            "A pooler refuses startup options: set them on the role (dormouse.W006), and pooled=true in the URL "
            "leaves them out.",
        ),
        (
            r"channel binding",
            "channel_binding=require needs TLS, SCRAM and a server that offers SCRAM-SHA-256-PLUS; PgBouncer does "
            "not. Take it out, or connect directly.",
        ),
        (
            r"root certificate file .* does not exist|could not read root certificate|ssl_ca",
            "The file of sslrootcert is not there: name one that is, or sslrootcert=system (libpq 16).",
        ),
        (
            r"certificate verify failed|self-signed|self signed|unable to get local issuer",
            "The server's certificate is signed by nobody that sslrootcert knows: name the file of its authority "
            "(dormouse env --format ca for the platform; system for Neon).",
        ),
        (
            r"certificate for .* does not match|server certificate for",
            "The certificate is for another name: connect by that name (with hostaddr, if it does not resolve).",
        ),
        (
            r"does not support ssl|ssl support is not compiled in",
            "One side has no TLS: set sslmode=disable for a server on this machine, else turn ssl on there.",
        ),
        (r"certificate", "A certificate was refused: compare sslcert, sslkey and sslrootcert with the server's."),
        (
            r"invalid (?:connection option|sslmode|port|channel_binding|target_session_attrs|.* value)",
            "OPTIONS holds what this libpq does not know: correct it, or use a newer driver (manage.py check).",
        ),
        (
            r"session is (?:not )?read-only|server is (?:not )?in hot standby",
            "No host of the list is what target_session_attrs asks for: is the primary among them, and up?",
        ),
        (
            r"name or service not known|no address associated|nodename nor servname|failed to resolve|"
            r"name resolution|translate host name",
            "The host's name does not resolve: a typing mistake, or no DNS here.",
        ),
        (
            r"too many clients|too many connections|remaining connection slots|no more connections",
            "All connections are taken: see the sum below; put a pooler in front (manage.py pgbouncerconfig), or "
            "make pools smaller.",
        ),
        (
            r"starting up|shutting down|not yet accepting|in recovery mode|server login has been failing",
            "The server starts or stops, and took longer than the deadline: try again; then look into its log.",
        ),
        (
            r"couldn't connect to compute|control plane request failed|too many database connection attempts",
            "The proxy answers, and the compute behind it does not: try again in a minute, then look at its state "
            "in the console (dormouse status).",
        ),
        (
            r"query_wait_timeout|server conn crashed",
            "The pooler got no connection to its server in time: is the server up, is its pool too small?",
        ),
        (
            r"pooltimeout|couldn't get a connection after",
            "The pool gave up waiting: is the server up, are connections kept by threads that never end?",
        ),
        (
            r"connection refused|is the server running",
            "Nobody listens there: is the server up (dormouse up), are host and port right?",
        ),
        (
            r"timed out|timeout expired|no route to host|network is unreachable",
            "Nothing came back: a firewall, a wrong address, or a network that is down.",
        ),
        (
            r"closed the connection unexpectedly|closed unexpectedly|eof|reset by peer|broken pipe|"
            r"lost synchronization|received invalid response|terminating connection",
            "The other side ended the connection: is it Postgres at this port? Does it speak TLS? See its log.",
        ),
    )
)


def advice(message: str) -> str | None:
    """What to do, in a sentence or two; None where nobody knows better than the message."""
    return next((told for words, told in _TABLE if words.search(message)), None)
