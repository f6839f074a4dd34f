from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.compute.label import label_of_stopped, replays_from
from dormouse.errors import StorageError

SEGMENT = 1 << 20
AT = datetime(2026, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)

OF_15 = """\
START WAL LOCATION: 0/B00028 (file 00000001000000000000000B)
CHECKPOINT LOCATION: 0/B00060
BACKUP METHOD: streamed
BACKUP FROM: primary
START TIME: 2026-11-21 01:20:20 UTC
LABEL: dormouse
START TIMELINE: 1
"""
OF_18 = """\
START WAL LOCATION: 0/D00028 (file 00000001000000000000000D)
CHECKPOINT LOCATION: 0/D00080
BACKUP METHOD: streamed
BACKUP FROM: primary
START TIME: 2026-11-21 01:20:23 UTC
LABEL: dormouse
START TIMELINE: 1
"""


def test_the_label_of_a_directory_whose_server_stopped() -> None:
    label = label_of_stopped(checkpoint=0x16_B374D848, redo=0x16_B36FFFC0, segment_bytes=SEGMENT, at=AT)

    assert label == (
        "START WAL LOCATION: 16/B36FFFC0 (file 000000010000001600000B36)\n"
        "CHECKPOINT LOCATION: 16/B374D848\n"
        "BACKUP METHOD: pg_rewind\n"
        "BACKUP FROM: primary\n"
        "START TIME: 2026-01-01 12:00:00 UTC\n"
    )


def test_its_time_is_told_in_utc() -> None:
    here = AT.astimezone(timezone(timedelta(hours=-5)))

    assert label_of_stopped(checkpoint=1, redo=1, segment_bytes=SEGMENT, at=here) == label_of_stopped(
        checkpoint=1, redo=1, segment_bytes=SEGMENT, at=AT
    )


@given(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1), st.sampled_from([SEGMENT, 16 * SEGMENT]))
def test_a_label_says_where_replay_begins_wherever_its_checkpoint_is(
    checkpoint: int, redo: int, segment_bytes: int
) -> None:
    label = label_of_stopped(checkpoint=checkpoint, redo=redo, segment_bytes=segment_bytes, at=AT)

    assert replays_from(label) == redo


@pytest.mark.parametrize(("label", "begins"), [(OF_15, 0xB00028), (OF_18, 0xD00028)])
def test_labels_of_servers_that_ran_are_read(label: str, begins: int) -> None:
    assert replays_from(label) == begins


@pytest.mark.parametrize(
    "label",
    [
        "",
        "☃",
        "CHECKPOINT LOCATION: 0/B00060\n",
        "START WAL LOCATION: 0/B00028",
        "START WAL LOCATION:  (file 00000001000000000000000B)\n",
        "START WAL LOCATION: 0/B00028 (file 0000000B)\n",
        "LABEL: START WAL LOCATION: 0/B00028 (file 00000001000000000000000B)\n",
    ],
)
def test_a_label_that_does_not_say_it_is_refused(label: str) -> None:
    with pytest.raises(StorageError, match="does not say where its WAL begins"):
        replays_from(label)
