"""A disk that gets full, or cannot be written, under a platform that goes on."""

import os
from pathlib import Path

import psycopg
import pytest
from fix_disk import fill
from fix_past import Diary, as_admin, branched, diary_of, failure_of, folder_of, is_swept, writing
from fix_platform import Platform, platform_in, rows, wait_until

from dormouse.api.errors import Refused

pytestmark = pytest.mark.faults


def test_a_full_disk_leaves_nothing_half_there(small_disk: Path) -> None:
    with platform_in(small_disk / "home") as platform:
        made = platform.create()
        rows(made.url, "CREATE TABLE kept AS SELECT 1 AS i")
        wait_until(lambda: list(platform.home.glob("spares/*/*")), "the next spare is made")
        platform.create()  # takes it
        fill(small_disk / "filler", leave_bytes=12_000_000)
        before = {project.id for project in platform.client.projects(limit=400).projects}

        with pytest.raises(Refused, match="No space left on device") as refused:
            for _ in range(3):
                platform.create()

        assert "MB are free" in str(refused.value)
        listed = {project.id for project in platform.client.projects(limit=400).projects}
        assert {folder.name for folder in platform.home.glob("projects/*")} == listed >= before
        wait_until(lambda: not list(platform.home.glob("building/*")), "what was half built is removed")

        (small_disk / "filler").unlink()
        assert rows(made.url, "SELECT i FROM kept") == [(1,)]
        assert rows(platform.create().url) == [(1,)]


def test_a_branch_for_which_there_is_no_room(small_disk: Path) -> None:
    """Its parent, which is written to meanwhile, keeps what it needs."""
    with platform_in(small_disk / "home") as platform:
        made = platform.create()
        rows(made.url, "CREATE TABLE large AS SELECT repeat('x', 1000) FROM generate_series(1, 60000)")
        rows(made.url, "CREATE TABLE small (i int)")
        wait_until(lambda: list(platform.home.glob("spares/*/*")), "the next spare is made")
        with writing(made.url, "INSERT INTO small VALUES (1)") as writer:
            fill(small_disk / "filler", leave_bytes=90_000_000)
            for _ in range(5):
                before = writer.count
                child = branched(platform, made)
                with pytest.raises(psycopg.OperationalError):
                    rows(child.url)
                assert "could not clone the parent" in failure_of(platform, made)
                assert "No space left on device, since 64 MB are left" in failure_of(platform, made)
                writer.until(before + 1)
        assert writer.errors == []
        assert [branch.name for branch in platform.client.branches(made.project).branches] == ["main"]
        assert len(list(platform.home.glob(f"projects/{made.project}/branches/*"))) == 1
        assert is_swept(platform)

        (small_disk / "filler").unlink()
        assert rows(branched(platform, made).url, "SELECT count(*) FROM large") == [(60000,)]


def test_an_archive_that_cannot_be_written(platform: Platform) -> None:
    """The parent goes on, what it writes is kept, and moments of meanwhile can be had."""
    diary = Diary(platform.create())
    diary.write(3)
    wal = folder_of(platform, diary.made).wal
    owner = wal.stat()
    os.chown(wal, os.geteuid(), -1)
    wal.chmod(0o500)
    try:
        diary.write(70)
        with as_admin(platform, diary.made) as connection:
            wait_until(
                lambda: connection.execute("SELECT failed_count > 0 FROM pg_stat_archiver").fetchone() == (True,),
                "the archiver has failed",
            )
            connection.execute("CHECKPOINT")
        past = branched(platform, diary.made, time=diary.marks[60].time_after)
        assert diary_of(past.url) == list(range(61))
        now = branched(platform, diary.made)
        assert diary_of(now.url) == list(range(73))
    finally:
        os.chown(wal, owner.st_uid, -1)
        wal.chmod(0o700)

    with as_admin(platform, diary.made) as connection:
        (last,) = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone() or ("",)
        wait_until((wal / last).exists, "all is archived", 90)
    again = branched(platform, diary.made, time=diary.marks[60].time_after)
    assert diary_of(again.url) == list(range(61))
