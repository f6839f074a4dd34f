import pytest

from dormouse.storage.driver import is_wanted_in_clone

SEGMENT = "00000001000000000000000C"


@pytest.mark.parametrize(
    ("path", "of_a_running", "of_a_stopped"),
    [
        ("PG_VERSION", True, True),
        ("base/5/1259", True, True),
        ("base/5/pg_wal", True, True),
        ("global/pg_control", True, True),
        ("pg_xact/0000", True, True),
        ("pg_multixact/offsets/0000", True, True),
        ("postgresql.conf", True, True),
        ("postmaster.pid", False, False),
        ("postmaster.opts", False, False),
        ("pg_internal.init", False, False),
        ("global/pg_internal.init", False, False),
        ("base/5/pg_internal.init", False, False),
        ("base/pgsql_tmp", False, False),
        ("base/pgsql_tmp/pgsql_tmp4711.0", False, False),
        ("base/5/pgsql_tmp_☃ and space", False, False),
        ("pg_replslot", True, True),
        ("pg_replslot/slot/state", False, False),
        ("pg_dynshmem/mmap.1", False, False),
        ("pg_notify/0000", False, False),
        ("pg_serial/0000", False, False),
        ("pg_snapshots/x", False, False),
        ("pg_stat_tmp/x", False, False),
        ("pg_subtrans/0000", False, False),
        ("pg_stat/pgstat.stat", True, True),
        ("pg_wal", True, True),
        (f"pg_wal/{SEGMENT}", False, True),
        ("pg_wal/00000002.history", False, True),
        ("pg_wal/archive_status", True, True),
        (f"pg_wal/archive_status/{SEGMENT}.ready", False, True),
        ("pg_wal/summaries", True, True),
        ("pg_wal/summaries/x.summary", False, True),
    ],
)
def test_what_belongs_into_a_clone(path: str, of_a_running: bool, of_a_stopped: bool) -> None:
    assert is_wanted_in_clone(path, running=True) is of_a_running
    assert is_wanted_in_clone(path, running=False) is of_a_stopped
