"""How far a replica is behind: in the API, in `status` and `replica list`; without waking it."""

import json

from fix_past import as_admin_of_replica
from fix_platform import Made, Platform, rows, wait_until

from dormouse.api.records import ReplicaLag

PAUSE, GO_ON = "SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()"


def lag(platform: Platform, made: Made) -> ReplicaLag | None:
    assert made.replica is not None
    return platform.client.endpoint(made.project, made.replica).dormouse


def test_a_lag_is_shown_while_there_is_one(platform: Platform) -> None:
    made = platform.create(replica=True)
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS n")
    rows(made.replica_url)
    wait_until(lambda: lag(platform, made) == ReplicaLag(lag_bytes=0, lag_ms=0), "the replica has all")

    with as_admin_of_replica(platform, made) as admin:
        admin.execute(PAUSE)
    rows(made.url, "INSERT INTO t SELECT generate_series(1, 10000)")

    behind = lag(platform, made)
    assert behind is not None
    assert behind.lag_bytes > 100_000
    assert behind.lag_ms > 0
    [of_all] = [each.dormouse for each in platform.client.endpoints(made.project) if each.type == "read_only"]
    assert of_all is not None
    status = json.loads(platform.run("status", "--json").stdout)
    [shown] = [each for each in status["computes"] if each["compute"] == made.replica]
    assert shown["lag"]["lag_bytes"] > 100_000
    listed = platform.run("replica", "list", "--project", made.project).stdout
    assert " kB, " in listed or " MB, " in listed

    with as_admin_of_replica(platform, made) as admin:
        admin.execute(GO_ON)
    wait_until(lambda: lag(platform, made) == ReplicaLag(lag_bytes=0, lag_ms=0), "the replica has all again")


def test_whoever_asks_wakes_nothing(platform: Platform) -> None:
    made = platform.create(replica=True)
    rows(made.replica_url)
    primary = platform.client.endpoint(made.project, made.primary)
    assert primary.dormouse is None

    platform.put_to_sleep(made)

    assert lag(platform, made) is None
    assert platform.state(made, made.replica or made.primary) == "idle"
    assert platform.state(made, made.primary) == "idle"
