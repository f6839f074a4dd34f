"""Looking at the past by connecting to a branch's id, as Neon's clients do."""

import time
from datetime import UTC, datetime
from urllib.parse import quote

import psycopg
import pytest
from fix_platform import Made, Platform, new_home, platform_in, rows

from dormouse.names import EndpointId


def at(made: Made, moment: str) -> str:
    """The connection string with which neonctl would look at `moment`."""
    return made.url.replace(made.primary, made.branch) + "&options=" + quote(moment)


@pytest.fixture(scope="module")
def made(platform: Platform) -> Made:
    made = platform.create()
    rows(made.url, "CREATE TABLE t (n int)")
    return made


def test_a_branch_is_seen_as_it_was(platform: Platform, made: Made) -> None:
    rows(made.url, "INSERT INTO t VALUES (1)")
    [(lsn,)] = rows(made.url, "SELECT pg_current_wal_insert_lsn()")
    then = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    time.sleep(0.01)
    rows(made.url, "INSERT INTO t VALUES (2)")

    assert rows(at(made, f"neon_lsn:{lsn}"), "SELECT n FROM t") == [(1,)]
    assert rows(at(made, f"neon_timestamp:{then}"), "SELECT n FROM t") == [(1,)]
    assert rows(made.url, "SELECT n FROM t ORDER BY n") == [(1,), (2,)]
    assert [endpoint.id for endpoint in platform.client.endpoints(made.project)] == [made.primary]


def test_a_branchs_computes_are_reached_by_their_kind(platform: Platform, made: Made) -> None:
    platform.add_replica(made)
    is_replica = "SELECT pg_is_in_recovery()"

    assert rows(at(made, "neon_endpoint_type:read_only"), is_replica) == [(True,)]
    assert rows(at(made, "neon_endpoint_type:read_write"), is_replica) == [(False,)]
    with pytest.raises(psycopg.OperationalError, match="The requested endpoint could not be found"):
        rows(at(made, "neon_endpoint_type:write_only"))
    # It is the compute itself: what it does counts for its sleep, and what goes wrong with it goes wrong here.
    platform.run("fault", "deny", str(made.replica), "30")
    with pytest.raises(psycopg.OperationalError):
        rows(at(made, "neon_endpoint_type:read_only"))
    platform.client.delete_endpoint(made.project, EndpointId(str(made.replica)))


def test_nothing_is_written_there(made: Made) -> None:
    [(lsn,)] = rows(made.url, "SELECT pg_current_wal_insert_lsn()")

    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        rows(at(made, f"neon_lsn:{lsn}"), "INSERT INTO t VALUES (3)")


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("neon_lsn:zz", "names no moment; expected neon_lsn:0/1FA22C0"),
        ("neon_timestamp:yesterday", "names no moment"),
        ("neon_timestamp:2020-01-01T00:00:00Z", "too far back: the earliest moment that can be restored is"),
        ("neon_lsn:0/1", "too far back"),
    ],
)
def test_a_moment_that_is_not_to_be_had_is_refused_in_words(made: Made, moment: str, said: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=said):
        rows(at(made, moment))


def test_a_wrong_password_starts_nothing(platform: Platform, made: Made) -> None:
    user, _, rest = at(made, "neon_lsn:0/1").partition(":npg_")
    wrong = f"{user}:wrong@{rest.partition('@')[2]}"

    before = set((platform.home / "building").glob("past-*"))

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        rows(wrong)
    assert set((platform.home / "building").glob("past-*")) <= before


def test_it_ends_with_the_platform() -> None:
    with platform_in(new_home()) as platform:
        made = platform.create()
        [(lsn,)] = rows(made.url, "SELECT pg_current_wal_insert_lsn()")
        assert rows(at(made, f"neon_lsn:{lsn}")) == [(1,)]
        assert list((platform.home / "building").glob("past-*"))

        platform.down()

        # That no process is left is what the fixture looks for.
        assert not list((platform.home / "building").glob("past-*"))
