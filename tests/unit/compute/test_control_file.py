import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.compute.control_file import ControlData, parse_control_data
from dormouse.errors import ComputeError

OF_18 = """\
pg_control version number:            1800
Catalog version number:               202506291
Database system identifier:           7710382924985564080
Database cluster state:               shut down
pg_control last modified:             Fri Nov 20 22:23:40 2026
Latest checkpoint location:           0/7ED480
Latest checkpoint's REDO location:    0/7ED410
Latest checkpoint's REDO WAL file:    000000010000000000000007
Latest checkpoint's TimeLineID:       1
Latest checkpoint's PrevTimeLineID:   1
Latest checkpoint's full_page_writes: on
Latest checkpoint's NextXID:          0:752
Latest checkpoint's NextOID:          12784
Latest checkpoint's NextMultiXactId:  1
Latest checkpoint's NextMultiOffset:  0
Latest checkpoint's oldestXID:        744
Latest checkpoint's oldestXID's DB:   1
Latest checkpoint's oldestActiveXID:  0
Latest checkpoint's oldestMultiXid:   1
Latest checkpoint's oldestMulti's DB: 1
Latest checkpoint's oldestCommitTsXid:0
Latest checkpoint's newestCommitTsXid:0
Time of latest checkpoint:            Fri Nov 20 22:23:40 2026
Fake LSN counter for unlogged rels:   0/3E8
Minimum recovery ending location:     0/0
Min recovery ending loc's timeline:   0
Backup start location:                0/0
Backup end location:                  0/0
End-of-backup record required:        no
wal_level setting:                    replica
wal_log_hints setting:                off
max_connections setting:              100
max_worker_processes setting:         8
max_wal_senders setting:              10
max_prepared_xacts setting:           0
max_locks_per_xact setting:           64
track_commit_timestamp setting:       off
Maximum data alignment:               8
Database block size:                  8192
Blocks per segment of large relation: 131072
WAL block size:                       8192
Bytes per WAL segment:                1048576
Maximum length of identifiers:        64
Maximum columns in an index:          32
Maximum size of a TOAST chunk:        1996
Size of a large-object chunk:         2048
Date/time type storage:               64-bit integers
Float8 argument passing:              by value
Data page checksum version:           1
Default char data signedness:         signed
Mock authentication nonce:            8ec37baaf2c6f0c1696c99a72fc0b8aba0f2073729af184e9ada25590ee3e53c
"""
"""What Postgres 18.4 says after an orderly stop, but for the position of REDO."""


def test_what_postgres_18_says() -> None:
    assert parse_control_data(OF_18) == ControlData(state="shut down", checkpoint=0x7ED480, redo=0x7ED410)


@pytest.mark.parametrize(
    ("state", "clean"),
    [
        ("shut down", True),
        ("shut down in recovery", True),
        ("starting up", False),
        ("shutting down", False),
        ("in crash recovery", False),
        ("in archive recovery", False),
        ("in production", False),
        ("unrecognized status code", False),
    ],
)
def test_which_states_are_those_of_an_orderly_stop(state: str, clean: bool) -> None:
    """All that dbState of pg_controldata.c can say."""
    text = OF_18.replace("shut down", state)

    assert parse_control_data(text).is_clean is clean


def test_what_is_to_be_replayed_to_the_end_of_a_backup() -> None:
    text = OF_18.replace("End-of-backup record required:        no", "End-of-backup record required:        yes")

    assert parse_control_data(text).awaits_backup_end
    assert not parse_control_data(OF_18).awaits_backup_end


@pytest.mark.parametrize(
    "line",
    [
        "Database cluster state",
        "Latest checkpoint location",
        "Latest checkpoint's REDO location",
        "End-of-backup record required",
    ],
)
def test_a_line_that_is_missing_is_named(line: str) -> None:
    with pytest.raises(ComputeError, match=line):
        parse_control_data(OF_18.replace(f"{line}:", "x:"))


def test_a_position_that_is_none_is_shown() -> None:
    with pytest.raises(ComputeError, match="'☃' is no LSN"):
        parse_control_data(OF_18.replace("0/7ED480", "☃"))


@given(st.text())
def test_noise_is_our_error(text: str) -> None:
    with pytest.raises(ComputeError):
        parse_control_data(text)
