import pytest

from dormouse.sizes import size_text


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_940, "9.9 kB"),
        (9_960, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (4_200_000, "4.2 MB"),
        (31_000_000_000, "31 GB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_sizes_as_people_read_them(size_bytes: int, expected: str) -> None:
    assert size_text(size_bytes) == expected
