"""The texts of real servers and proxies, and what they mean."""
# ruff: noqa: E501 - they are as long as they are

import pytest

from django_dormouse.backend.errors import Verdict, hint_on, while_connecting

TRANSIENT = """
connection failed: connection to server at "127.0.0.1", port 1 failed: Connection refused\\n\\tIs the server running on that host and accepting TCP/IP connections?
connection to server on socket "/tmp/.s.PGSQL.5432" failed: No such file or directory\\n\\tIs the server running locally and accepting connections on that socket?
connection timeout expired
connection to server at "10.0.0.1", port 5432 failed: Connection timed out
connection failed: server closed the connection unexpectedly\\n\\tThis probably means the server terminated abnormally
SSL SYSCALL error: EOF detected
SSL error: unexpected eof while reading
could not receive data from server: Connection reset by peer
failed to resolve host 'db.example.com': [Errno -3] Temporary failure in name resolution
could not translate host name "db" to address: Temporary failure in name resolution
FATAL:  the database system is starting up
FATAL:  the database system is shutting down
FATAL:  the database system is not yet accepting connections\\nDETAIL:  Consistent recovery state has not been yet reached.
FATAL:  the database system is in recovery mode
FATAL:  sorry, too many clients already
FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute
ERROR:  remaining connection slots are reserved for non-replication superuser connections
ERROR:  Couldn't connect to compute node
ERROR:  Too many connections to this endpoint. Please try again later.
ERROR:  Failed to acquire permit to connect to the database. Too many database connection attempts are currently ongoing.
FATAL:  terminating connection due to administrator command
ERROR:  server login has been failing, cached error: connect failed (server_login_retry)
FATAL:  no more connections allowed (max_client_conn)
FATAL:  query_wait_timeout
"""

PERMANENT = """
FATAL:  password authentication failed for user "owner"
ERROR:  password authentication failed for user 'neondb_owner'
fe_sendauth: no password supplied
FATAL:  role "nobody" does not exist
FATAL:  database "foo" does not exist
FATAL:  database "shutting down" does not exist
FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "u", database "d", no encryption
FATAL:  permission denied for database "d"\\nDETAIL:  User does not have CONNECT privilege.
ERROR:  The endpoint has been disabled. Enable it using Neon API and retry.
ERROR:  The requested endpoint could not be found, or you don't have access to it. Please check the provided ID and try again.
ERROR:  Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) for SNI support or pass the endpoint ID (first part of the domain name) as a parameter: '?options=endpoint%3D<endpoint-id>'.
ERROR:  Control plane request failed: endpoint is disabled
ERROR:  Control plane request failed: endpoint is temporarily unavailable. Check your quotas and/or contact our support.
ERROR:  Your account or project has exceeded the compute time quota. Upgrade your plan to increase limits.
ERROR:  unsupported startup parameter: search_path
channel binding required, but server authenticated client without channel binding
SSL error: certificate verify failed
root certificate file "/nowhere" does not exist
server does not support SSL, but SSL was required
sslmode value "require" invalid when SSL support is not compiled in
invalid connection option "nonsense"
failed to resolve host 'nonexist.invalid': [Errno -2] Name or service not known
connection to server at "::1" failed: Connection refused\\nconnection to server at "127.0.0.1" failed: FATAL:  password authentication failed for user "u"
something that nobody has ever seen
"""


def rows(text: str) -> list[str]:
    return [line.replace("\\n", "\n").replace("\\t", "\t") for line in text.strip().splitlines()]


@pytest.mark.parametrize("message", rows(TRANSIENT))
def test_passes_by_itself(message):
    assert while_connecting(message) is Verdict.TRANSIENT
    assert while_connecting(message, "XX000") is Verdict.TRANSIENT, "Neon's proxy gives all of them this code"


@pytest.mark.parametrize("message", rows(PERMANENT))
def test_someone_must_act(message):
    assert while_connecting(message) is Verdict.PERMANENT
    assert while_connecting(message, "XX000") is Verdict.PERMANENT


def test_a_control_plane_without_a_reason_gets_a_few_tries():
    assert while_connecting("ERROR:  Control plane request failed") is Verdict.BRIEFLY


@pytest.mark.parametrize(
    ("sqlstate", "verdict"),
    [
        ("57P03", Verdict.TRANSIENT),
        ("53300", Verdict.TRANSIENT),
        ("08006", Verdict.TRANSIENT),
        ("57P01", Verdict.TRANSIENT),
        ("28P01", Verdict.PERMANENT),
        ("28000", Verdict.PERMANENT),
        ("3D000", Verdict.PERMANENT),
        ("42501", Verdict.PERMANENT),
        ("XX000", Verdict.PERMANENT),
        (None, Verdict.PERMANENT),
    ],
)
def test_codes_speak_for_texts_in_any_language(sqlstate, verdict):
    assert while_connecting("FATAL:  das Datenbanksystem startet", sqlstate) is verdict


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ('FATAL:  password authentication failed for user "owner"', "escaped"),
        ('FATAL:  database "shop" does not exist', "create the database"),
        ('FATAL:  role "shop" does not exist', "create the role"),
        ("ERROR:  Endpoint ID is not specified. Either please upgrade", "options=endpoint"),
        ("SSL error: certificate verify failed", "sslrootcert"),
        ("server does not support SSL, but SSL was required", "does not offer"),
        ('failed to resolve host "a.example": Name or service not known', "typo"),
    ],
)
def test_a_permanent_error_comes_with_what_to_do(message: str, word: str) -> None:
    hint = hint_on(message)

    assert hint is not None
    assert word in hint


def test_a_passing_error_has_no_hint() -> None:
    assert hint_on("connection refused") is None
