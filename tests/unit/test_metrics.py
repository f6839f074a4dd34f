from math import inf

from prometheus_client.parser import text_string_to_metric_families

from dormouse.metrics import Measured, PoolWaits, Traffic, Wakes, exposition

MEASURED = Measured(
    traffic=Traffic(
        open={"ep-a": 2},
        unauthenticated=1,
        sessions={"ep-a": 7},
        from_clients={"ep-a": 100},
        to_clients={"ep-a": 2000},
        refusals={"28P01": 3},
    ),
    wakes=Wakes(buckets=((0.08, 4), (inf, 5)), total_s=0.5, failures=1),
    computes={"ready": 1, "asleep": 2},
    pools={"ep-a": PoolWaits(clients=4, longest_s=1.5)},
    lags={"ep-b": (8192, 0.012)},
    projects=1,
    branches=3,
    disk_free_bytes=1 << 40,
)


def test_prometheus_reads_what_is_measured() -> None:
    families = text_string_to_metric_families(exposition(MEASURED).decode())
    values = {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}

    assert values == {
        ("dormouse_connections", "ep-a"): 2,
        ("dormouse_unauthenticated_connections",): 1,
        ("dormouse_sessions_total", "ep-a"): 7,
        ("dormouse_client_received_bytes_total", "ep-a"): 100,
        ("dormouse_client_sent_bytes_total", "ep-a"): 2000,
        ("dormouse_refusals_total", "28P01"): 3,
        ("dormouse_wake_seconds_bucket", "0.08"): 4,
        ("dormouse_wake_seconds_bucket", "+Inf"): 5,
        ("dormouse_wake_seconds_count",): 5,
        ("dormouse_wake_seconds_sum",): 0.5,
        ("dormouse_wake_failures_total",): 1,
        ("dormouse_computes", "ready"): 1,
        ("dormouse_computes", "asleep"): 2,
        ("dormouse_pool_waiting", "ep-a"): 4,
        ("dormouse_pool_wait_seconds", "ep-a"): 1.5,
        ("dormouse_replica_lag_bytes", "ep-b"): 8192,
        ("dormouse_replica_lag_seconds", "ep-b"): 0.012,
        ("dormouse_projects",): 1,
        ("dormouse_branches",): 3,
        ("dormouse_disk_free_bytes",): 1 << 40,
    }
