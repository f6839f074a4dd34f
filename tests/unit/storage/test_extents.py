"""The kernel's answers are played; what real file systems answer is tried in tests/soak."""

import errno
import struct
from pathlib import Path

import pytest

from dormouse.storage.extents import shared_bytes

LAST, SHARED, UNWRITTEN = 0x1, 0x2000, 0x800


def answer_with(monkeypatch: pytest.MonkeyPatch, extents: list[tuple[int, int, int]]) -> list[int]:
    """A kernel that tells of these extents (start, length, flags), as many at a time as there is room for."""
    asked: list[int] = []

    def ioctl(_descriptor: int, request: int, buffer: bytearray, mutate: bool) -> int:
        assert (request, mutate) == (0xC020660B, True)
        start, length, _, _, room, _ = struct.unpack_from("=QQIIII", buffer)
        asked.append(start)
        assert start + length < 1 << 64
        assert len(buffer) == 32 + room * 56
        told = [extent for extent in extents if extent[0] >= start][:room]
        struct.pack_into("=I", buffer, 20, len(told))
        for number, (logical, size, flags) in enumerate(told):
            struct.pack_into("=QQQQQIIII", buffer, 32 + number * 56, logical, 7, size, 0, 0, flags, 0, 0, 0)
        return 0

    monkeypatch.setattr("fcntl.ioctl", ioctl)
    monkeypatch.setattr("sys.platform", "linux")
    return asked


@pytest.mark.parametrize(
    ("extents", "shared"),
    [
        ([], 0),
        ([(0, 4096, LAST)], 0),
        ([(0, 4096, SHARED | LAST)], 4096),
        ([(0, 4096, SHARED), (4096, 8192, UNWRITTEN), (20480, 100, SHARED | LAST)], 4196),
    ],
)
def test_what_is_marked_as_shared_is_added_up(
    extents: list[tuple[int, int, int]], shared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, extents)

    assert shared_bytes(0) == shared


def test_a_file_in_very_many_pieces_is_asked_for_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    extents = [(number * 10, 10, SHARED) for number in range(1000)]
    extents[-1] = (9990, 10, SHARED | LAST)
    asked = answer_with(monkeypatch, extents)

    assert shared_bytes(0) == 10_000
    assert len(asked) > 1
    assert asked == sorted(set(asked))


def test_a_file_system_that_tells_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def ioctl(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("fcntl.ioctl", ioctl)

    assert shared_bytes(0) is None


def test_a_file_of_this_machine_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100_000)

    with path.open("rb") as file:
        assert shared_bytes(file.fileno()) in (0, None)
