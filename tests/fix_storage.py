"""What every driver must be able to do, told once; and file systems to try it on."""

import asyncio
import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fix_servers import ask

from dormouse.compute.account import Account, server_account
from dormouse.compute.binaries import Postgres, find_installed
from dormouse.compute.conf import ADMIN_ROLE, WAL_SEGMENT_BYTES, template_settings
from dormouse.compute.environment import child_environment
from dormouse.compute.server import connect_as_admin, prepare_folder, running
from dormouse.compute.template import build_template
from dormouse.compute.wal import parse_lsn, segment_names
from dormouse.storage.driver import Driver, is_wanted_in_clone
from dormouse.storage.durable import sync_tree, write_atomically
from fix_folder import on_disk

SUMS = "SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT coalesce(sum(delta), 0) FROM pgbench_history)"
COUNT = "SELECT count(*) FROM pgbench_history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was measured on the way; times include the sync."""

    size_bytes: int
    files: int
    under_load_s: dict[str, float]
    """Step by step: the backup is begun, its files cloned, it is ended, all is on the disk."""
    at_rest_s: float
    at_rest_extra_bytes: int
    """By `df`, since `du` counts shared data on both sides."""

    def __str__(self) -> str:
        steps = ", ".join(f"{step} {seconds * 1000:.0f}" for step, seconds in self.under_load_s.items())
        under_load_ms, at_rest_ms = sum(self.under_load_s.values()) * 1000, self.at_rest_s * 1000
        return (
            f"{self.size_bytes / 1e9:.2f} GB in {self.files} files: under load {under_load_ms:.0f} ms ({steps}), "
            f"at rest {at_rest_ms:.0f} ms, {self.at_rest_extra_bytes / 1e6:.1f} MB more by df"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """A Postgres with its folders, on the file system that is tried."""

    postgres: Postgres
    account: Account | None
    root: Path

    @property
    def owner(self) -> tuple[int, int] | None:
        return None if self.account is None else self.account.owner

    def sockets(self, name: str) -> Path:
        return self.root / f"s-{name}"

    @contextlib.asynccontextmanager
    async def running(self, name: str) -> AsyncIterator[Path]:
        """The server of `name/data`, and the folder of its socket."""
        sockets = self.sockets(name)
        settings = template_settings(sockets, self.postgres.major) | {"wal_keep_size": "256MB", "fsync": "on"}
        async with running(
            self.postgres, self.root / name / "data", settings=settings, socket_dir=sockets, account=self.account
        ):
            yield sockets

    def folder(self, name: str) -> Path:
        prepare_folder(self.root / name, self.owner)
        return self.root / name

    async def run(self, program: str, *arguments: str) -> None:
        process = await self.start(program, *arguments)
        _, said = await process.communicate()
        assert process.returncode == 0, said.decode()

    async def start(self, program: str, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            self.postgres.program(program),
            *arguments,
            env=child_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    @contextlib.asynccontextmanager
    async def load(self, sockets: Path) -> AsyncIterator[None]:
        """Four clients of pgbench that write; none of them may meet an error."""
        process = await self.start("pgbench", *_pgbench(sockets, "-n", "-c", "4", "-j", "2", "-T", "3600"))
        try:
            await _until(sockets, f"SELECT ({COUNT}) > 50", "pgbench writes")
            yield
            assert process.returncode is None, (await process.communicate())[1].decode()
        finally:
            if process.returncode is None:
                process.terminate()
            _, said = await process.communicate()
        assert b"ERROR" not in said and b"aborted" not in said, said.decode()


async def conform(driver: Driver, root: Path, *, scale: int) -> Told:
    """Clone a server under load and one at rest, run the clones, change all sides, delete; then `root` is empty.

    `scale` is pgbench's: 15 MB each.
    """
    account = server_account()
    site = _Site(postgres=_postgres_with_pgbench(account), account=account, root=root)
    template = root / "template"
    await build_template(
        site.postgres, template, building=root, socket_dir=site.sockets("template"), account=account
    )
    await asyncio.to_thread(driver.clone, template, site.folder("parent") / "data", owner=site.owner)
    async with site.running("parent") as sockets:
        await site.run("pgbench", *_pgbench(sockets, "-i", "-q", "-s", str(scale)))
        # What was loaded at once would else be written by the start of the backup.
        await ask(sockets, "CHECKPOINT")
        async with site.load(sockets):
            under_load_s = await _clone_running(site, driver, sockets, site.folder("branch"))
            async with site.running("branch") as branch:
                await _is_whole_and_apart(sockets, branch)
        assert (await ask(sockets, COUNT)) > (await ask(sockets, "SELECT 50::bigint"))
        await _balances(sockets)
    await _checksums_hold(site, "parent")
    await _checksums_hold(site, "branch")
    told = await _clone_sleeping(site, driver, under_load_s)
    for name in ("branch", "second"):
        await asyncio.to_thread(driver.delete, root / name)
        assert not (root / name).exists()
    async with site.running("parent") as sockets:
        await _balances(sockets)
    for left in root.iterdir():
        driver.delete(left)
    return told


async def _clone_running(site: _Site, driver: Driver, sockets: Path, target: Path) -> dict[str, float]:
    """As the manual says (26.3.3). Returns the seconds of each step."""
    source, data = site.root / "parent" / "data", target / "data"
    moments = [time.perf_counter()]
    async with await connect_as_admin(sockets, "postgres") as connection:
        await connection.execute("SELECT pg_backup_start('clone', fast => true)")
        moments.append(time.perf_counter())
        await asyncio.to_thread(
            driver.clone,
            source,
            data,
            owner=site.owner,
            wanted=lambda path: is_wanted_in_clone(path, running=True),
        )
        moments.append(time.perf_counter())
        cursor = await connection.execute("SELECT lsn, labelfile FROM pg_backup_stop(wait_for_archive => false)")
        row = await cursor.fetchone()
    assert row is not None
    end_lsn, label = row
    begin = label.split("START WAL LOCATION: ", 1)[1].split(" ", 1)[0]
    write_atomically(data / "backup_label", label, owner=site.owner)
    for segment in segment_names(parse_lsn(begin), parse_lsn(end_lsn), WAL_SEGMENT_BYTES):
        shutil.copyfile(source / "pg_wal" / segment, data / "pg_wal" / segment)
        shutil.chown(data / "pg_wal" / segment, *(site.owner or (os.geteuid(), os.getegid())))
    moments.append(time.perf_counter())
    await asyncio.to_thread(sync_tree, data)
    moments.append(time.perf_counter())
    steps = (end - start for start, end in itertools.pairwise(moments))
    return dict(zip(("begin", "clone", "end", "sync"), steps, strict=True))


async def _is_whole_and_apart(parent: Path, branch: Path) -> None:
    """The invariant holds in the branch; what is changed on either side does not reach the other."""
    await _balances(branch)
    (count,) = (await ask(branch, COUNT))[0]
    assert count > 0
    await ask(branch, "CREATE TABLE of_the_branch AS SELECT 1")
    await ask(branch, "UPDATE pgbench_accounts SET abalance = 7 WHERE aid % 10 = 0; CHECKPOINT")
    await ask(parent, "CREATE TABLE of_the_parent AS SELECT 1")
    await _until(parent, f"SELECT ({COUNT}) > {count + 100}", "the parent goes on")

    assert await ask(branch, COUNT) == [(count,)]
    exists = "SELECT to_regclass('of_the_branch') IS NOT NULL, to_regclass('of_the_parent') IS NOT NULL"
    assert await ask(branch, exists) == [(True, False)]
    assert await ask(parent, exists) == [(False, True)]


async def _clone_sleeping(site: _Site, driver: Driver, under_load_s: dict[str, float]) -> Told:
    source = site.root / "parent" / "data"
    sync_tree(site.root)
    before = _used_bytes(site.root)
    began = time.perf_counter()
    made = await asyncio.to_thread(
        driver.clone,
        source,
        site.folder("second") / "data",
        owner=site.owner,
        wanted=lambda path: is_wanted_in_clone(path, running=False),
    )
    sync_tree(site.root)
    seconds = time.perf_counter() - began
    extra = _used_bytes(site.root) - before
    async with site.running("second") as sockets:
        await _balances(sockets)
    return Told(
        size_bytes=made.size_bytes,
        files=made.files,
        under_load_s=under_load_s,
        at_rest_s=seconds,
        at_rest_extra_bytes=extra,
    )


async def _balances(sockets: Path) -> None:
    ((accounts, history),) = await ask(sockets, SUMS)
    assert accounts == history


async def _checksums_hold(site: _Site, name: str) -> None:
    """Every page of a stopped server is as it was written."""
    await site.run("pg_checksums", "--check", f"--pgdata={site.root / name / 'data'}")


async def _until(sockets: Path, question: str, what: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while await ask(sockets, question) != [(True,)]:
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s in vain: {what}"
        await asyncio.sleep(0.02)


def _pgbench(sockets: Path, *flags: str) -> list[str]:
    return [f"--host={sockets}", f"--username={ADMIN_ROLE}", *flags, "neondb"]


def _postgres_with_pgbench(account: Account | None) -> Postgres:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DORMOUSE_"))}
    for postgres in find_installed(None, environ, account):
        if postgres.enterable and Path(postgres.program("pgbench")).exists():
            return postgres
    pytest.skip("no Postgres of this machine has pgbench")


def _used_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


@contextlib.contextmanager
def mounted(kind: str, size_mb: int) -> Iterator[Path]:
    """A file system of its own for the length of a block: xfs, btrfs or ext4 in a file, or tmpfs.

    The test is skipped, with the reason, where that cannot be.
    """
    if os.geteuid() != 0:
        pytest.skip(f"mounting {kind} needs root")
    if kind != "tmpfs" and shutil.which(f"mkfs.{kind}") is None:
        package = {"xfs": "xfsprogs", "btrfs": "btrfs-progs", "ext4": "e2fsprogs"}[kind]
        pytest.skip(f"mkfs.{kind} is not on this machine (apt install {package})")
    work = Path(tempfile.mkdtemp(prefix="dormouse-test-", dir=on_disk()))
    work.chmod(0o711)
    folder, image = work / "mounted", work / "image"
    folder.mkdir()
    try:
        if kind == "tmpfs":
            _mount(kind, "-t", "tmpfs", "-o", f"size={size_mb}m", "none", str(folder))
        else:
            image.touch()
            os.truncate(image, size_mb << 20)
            subprocess.run([f"mkfs.{kind}", "-q", image], check=True, capture_output=True)
            _mount(kind, "-o", "loop", str(image), str(folder))
        try:
            folder.chmod(0o711)
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _mount(kind: str, *arguments: str) -> None:
    done: Any = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no {kind} can be mounted here: {done.stderr.strip()}")
