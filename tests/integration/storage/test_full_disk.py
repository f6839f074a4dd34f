"""A disk that fills while a branch is cloned: the parent goes on, the branch fails with a word, none is left."""

import errno
import os

import pytest
from fix_platform import Made, Platform, platform_in, rows, wait_until

from dormouse.api.bodies import BranchCreate
from dormouse.api.records import Operation
from dormouse.storage.copying import CopyDriver
from fix_storage import mounted

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_clone_ends_at_the_first_file_for_which_there_is_no_room(kind: str) -> None:
    # As much as a clone must leave to the servers, the source, and a part of the clone.
    with mounted(kind, 136) as folder:
        source = folder / "source"
        source.mkdir()
        for number in range(200):
            (source / str(number)).write_bytes(os.urandom(200_000))

        with pytest.raises(OSError, match="No space left on device") as caught:
            CopyDriver().clone(source, folder / "target")
        assert caught.value.errno == errno.ENOSPC

        CopyDriver().delete(folder / "target")
        assert CopyDriver().clone(source, folder / "target", wanted=is_early).files == 10


def is_early(path: str) -> bool:
    return len(path) == 1


def test_a_branch_for_which_there_is_no_room_fails_and_leaves_nothing() -> None:
    with mounted("tmpfs", 700) as disk, platform_in(disk / "home") as platform:
        made = platform.create()
        rows(made.url, "CREATE TABLE kept AS SELECT i, repeat('x', 1000) FROM generate_series(1, 100000) i")
        wait_until(lambda: list(platform.home.glob("spares/*/*")), "the next spare is made")
        before = set(platform.home.glob("projects/*/branches/*/*"))
        room = os.statvfs(disk)
        filler = disk / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - 60_000_000)

        failed = attempt(platform, made, "no-room")
        assert failed.status == "failed"
        assert "No space left on device" in (failed.error or "")
        assert "MB are free" in (failed.error or "")
        wait_until(lambda: not list(platform.home.glob("building/*")), "what was half built is removed")
        assert set(platform.home.glob("projects/*/branches/*/*")) == before

        assert rows(made.url, "INSERT INTO kept VALUES (0, 'y') RETURNING i") == [(0,)]
        filler.unlink()
        assert attempt(platform, made, "room-again").status == "finished"


def attempt(platform: Platform, made: Made, name: str) -> Operation:
    """How the creation of a branch ended."""
    began = platform.client.create_branch(made.project, BranchCreate(name=name)).operations[0].id
    ended: list[Operation] = []

    def has_ended() -> bool:
        ended[:] = [platform.client.operation(made.project, began)]
        return ended[0].status not in ("running", "scheduling")

    wait_until(has_ended, f"the branch {name} is made or has failed", 60)
    return ended[0]
