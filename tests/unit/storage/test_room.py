import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from dormouse.storage.copying import CopyDriver
from dormouse.storage.room import RESERVE_BYTES, leave_room


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes every disk have so much room."""

    def set_free(count: int) -> None:
        room = SimpleNamespace(f_bavail=count // 512, f_frsize=512)
        monkeypatch.setattr("os.fstatvfs", lambda _: room)

    return set_free


@pytest.mark.parametrize(("left", "refused"), [(-512, True), (0, False), (512, False)])
def test_the_reserve_is_not_written_to(free: Callable[[int], None], left: int, refused: bool) -> None:
    free(RESERVE_BYTES + 4096 + left)

    if refused:
        with pytest.raises(OSError, match="No space left on device, since 64 MB are left") as full:
            leave_room(0, 4096)
        assert full.value.errno == errno.ENOSPC
    else:
        leave_room(0, 4096)


@pytest.mark.parametrize("in_kernel", [True, False], ids=["in the kernel", "by reads and writes"])
def test_a_copy_ends_before_it(
    free: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_kernel: bool
) -> None:
    if not in_kernel:

        def cannot(*_: object) -> None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

        monkeypatch.setattr("os.sendfile", cannot)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "large").write_bytes(bytes(1 << 20))
    free(RESERVE_BYTES + (1 << 19))

    with pytest.raises(OSError, match="No space left on device"):
        CopyDriver().clone(tmp_path / "source", tmp_path / "target")

    assert (tmp_path / "target" / "large").stat().st_size == 0
