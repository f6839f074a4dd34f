import pytest

from dormouse.storage.sameness import carried_mtime_ns, is_unchanged

S = 1_000_000_000
BEGUN = 1_000 * S


@pytest.mark.parametrize(
    ("mtime", "carried"),
    [
        (BEGUN - 3600 * S, BEGUN - 3600 * S),
        (BEGUN - 2 * S, BEGUN - 2 * S),
        (BEGUN - 2 * S + 1, BEGUN - 2 * S),
        (BEGUN, BEGUN - 2 * S),
        (BEGUN + 1, BEGUN - 2 * S),
        # A clock that was set back left files from the future.
        (BEGUN + 3600 * S, BEGUN - 2 * S),
    ],
)
def test_a_clone_carries_a_time_only_once_it_has_settled(mtime: int, carried: int) -> None:
    assert carried_mtime_ns(mtime, begun_ns=BEGUN) == carried


@pytest.mark.parametrize(
    ("size", "mtime", "unchanged"),
    [(8, 5 * S, True), (9, 5 * S, False), (8, 5 * S + 1, False), (8, 5 * S - 1, False)],
)
def test_a_file_is_unchanged_if_size_and_time_are(size: int, mtime: int, unchanged: bool) -> None:
    found = is_unchanged(size=size, mtime_ns=mtime, old_size=8, old_mtime_ns=5 * S, old_ctime_ns=BEGUN)

    assert found is unchanged


def test_a_file_that_was_written_just_before_a_clone_is_never_unchanged() -> None:
    for written in range(BEGUN - 2 * S + 1, BEGUN + 2 * S, S // 7):
        carried = carried_mtime_ns(written, begun_ns=BEGUN)

        assert not is_unchanged(size=8, mtime_ns=written, old_size=8, old_mtime_ns=carried, old_ctime_ns=BEGUN)


@pytest.mark.parametrize(("age", "taken"), [(0, False), (2 * S - 1, False), (2 * S, True)])
def test_a_file_with_a_time_of_its_own_is_not_a_clone(age: int, taken: bool) -> None:
    assert is_unchanged(size=8, mtime_ns=BEGUN, old_size=8, old_mtime_ns=BEGUN, old_ctime_ns=BEGUN + age) is taken
