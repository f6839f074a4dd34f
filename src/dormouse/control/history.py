"""The past of one incarnation, as files: bases to start from, and the WAL that was written since.

A base is a data directory without WAL that nobody ever starts or writes; its name is the position in the WAL at
which it is whole, its `backup_label` says from where to replay. To go to a point, the newest base before it is
cloned, and given the WAL up to that point and not a byte more: Postgres then replays what it finds, to the end.
Bases and finished segments never change, so they are handed on to branches as hard links: each incarnation has
its own, and none can take another's past away.

All functions block: call them off the event loop. They raise StorageError or OSError.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Final

from dormouse.compute.binaries import Postgres
from dormouse.compute.conf import WAL_SEGMENT_BYTES
from dormouse.compute.control_file import ControlData
from dormouse.compute.label import label_of_stopped, replays_from
from dormouse.compute.server import prepare_folder
from dormouse.compute.wal import format_lsn, segment_name, segment_names, segment_number
from dormouse.compute.waldump import Commit, first_record_end, last_record_end, read_commits
from dormouse.control.machine import Machine
from dormouse.errors import StorageError, WalLost
from dormouse.storage.driver import is_wanted_in_clone
from dormouse.storage.durable import rename_durably, sync_folder, sync_tree, write_atomically
from dormouse.storage.layout import BranchFolder
from dormouse.storage.linking import link_tree

__all__ = [
    "Base",
    "add_first_base",
    "base_before",
    "bases_of",
    "commits_between",
    "copy_to_point",
    "cut_at",
    "gathered",
    "keep_stopped_as_base",
    "land_base",
    "link_history",
    "link_segment",
    "link_segments",
    "newest_base",
    "put_bases_aside",
    "remove_before",
]

_LABEL: Final = "backup_label"
_ASIDE: Final = ".aside"


@dataclass(frozen=True, slots=True, order=True)
class Base:
    """A data directory to start from."""

    lsn: int
    """Every point from here on can be reached from it."""
    path: Path
    replays_from: int

    @property
    def is_of_stopped(self) -> bool:
        """Whether it was copied while no server ran: then its first record is the checkpoint at `lsn` itself."""
        return self.replays_from == self.lsn


def bases_of(folder: BranchFolder) -> list[Base]:
    """All that are there, oldest first."""
    found = []
    for path in folder.bases.iterdir() if folder.bases.is_dir() else ():
        with contextlib.suppress(ValueError, FileNotFoundError):
            found.append(Base(int(path.name, 16), path, replays_from((path / _LABEL).read_text("utf-8"))))
    return sorted(found)


def newest_base(folder: BranchFolder) -> Base | None:
    """The one that the next base may share files with."""
    return max(bases_of(folder), default=None)


def base_before(folder: BranchFolder, lsn: int) -> Base:
    """The newest base from which a point can be reached. Raises StorageError, with the earliest such point."""
    bases = bases_of(folder)
    fitting = [base for base in bases if base.lsn <= lsn]
    if fitting:
        return fitting[-1]
    if not bases:
        raise StorageError(f"nothing of the past of {folder.root.name} is kept yet")
    raise StorageError(
        f"{format_lsn(lsn)} is too far back: the earliest position that can be restored is "
        f"{format_lsn(bases[0].lsn)}"
    )


def link_segment(folder: BranchFolder, name: str, target: Path) -> None:
    """Give a segment another name. Raises WalLost when it is missing; FileExistsError.

    Whoever only looked where it is would find it gone a moment later, when the server has archived it.
    """
    for path in _places_of(folder, name):
        with contextlib.suppress(FileNotFoundError):
            os.link(path, target)
            return
    raise WalLost(f"the WAL segment {name} is missing")


def link_segments(folder: BranchFolder, begin: int, end: int, into: Path) -> list[Path]:
    """Link the segments from one position to another, and return them in order. As `link_segment`."""
    made = [into / name for name in segment_names(begin, end, WAL_SEGMENT_BYTES)]
    for path in made:
        link_segment(folder, path.name, path)
    return made


def _places_of(folder: BranchFolder, name: str) -> tuple[Path, ...]:
    # In the archive, or still only where the server wrote it. The server removes one only after it was archived,
    # so whoever misses it there finds it in the archive.
    return folder.wal / name, folder.data / "pg_wal" / name, folder.wal / name


@contextlib.contextmanager
def gathered(machine: Machine, folder: BranchFolder, begin: int, end: int) -> Iterator[Path]:
    """A folder that shows the segments between two positions side by side, for `pg_waldump`."""
    shown = machine.layout.building / f"wal-{secrets.token_hex(4)}"
    shown.mkdir()
    try:
        link_segments(folder, begin, end, shown)
        yield shown
    finally:
        shutil.rmtree(shown, ignore_errors=True)


def cut_at(machine: Machine, postgres: Postgres, folder: BranchFolder, base: Base, lsn: int) -> int:
    """Where the last record ends that ends at or before `lsn`: where replay from `base` is to end."""
    begin = max(base.lsn, lsn - 2 * WAL_SEGMENT_BYTES)
    for start in (begin, base.lsn):
        with gathered(machine, folder, start, lsn) as shown:
            end = last_record_end(postgres, shown, start, lsn)
        if end > start:
            return end
    if lsn == base.lsn and not base.is_of_stopped:
        return base.lsn
    with gathered(machine, folder, base.lsn, base.lsn + 1) as shown:
        first = first_record_end(postgres, shown, base.lsn)
    if first <= lsn:
        raise WalLost(f"no record can be read in the WAL between {format_lsn(first)} and {format_lsn(lsn)}")
    # The base is the point, but for the checkpoint that the replay of a stopped one has to begin with.
    return first if base.is_of_stopped else base.lsn


def commits_between(
    machine: Machine, postgres: Postgres, folder: BranchFolder, begin: int, end: int
) -> list[Commit]:
    """The commits between two positions, in the order of the WAL."""
    with gathered(machine, folder, begin, end) as shown:
        commits = read_commits(postgres, shown, begin, end)
        if commits or last_record_end(postgres, shown, begin, end) > begin:
            return commits
    # No record at all: so it is behind the last one of a segment, and so it looks where a page is damaged.
    if cut_at(machine, postgres, folder, base_before(folder, begin), end) > begin:
        raise WalLost(f"no record can be read in the WAL behind {format_lsn(begin)}")
    return []


def copy_to_point(machine: Machine, source: BranchFolder, base: Base, cut: int, work: BranchFolder) -> None:
    """Make `work.data` what starts up as `source` was at `cut`: the base's clone, with the WAL up to there."""
    machine.driver.clone(base.path, work.data, owner=machine.owner)
    *_, last = link_segments(source, base.replays_from, cut, work.data / "pg_wal")
    whole = last.rename(last.with_name(f"{last.name}.whole"))
    _copy_beginning(machine, whole, last, (cut - 1) % WAL_SEGMENT_BYTES + 1)
    whole.unlink()


def link_history(source: BranchFolder, work: BranchFolder, upto: int, owner: tuple[int, int] | None) -> None:
    """Give `work` the past of `source` up to a position: the newest base before it, and the WAL since.

    Does nothing if there is no base. Segments that `work` has of its own, unarchived, are left for it to archive.
    """
    fitting = [base for base in bases_of(source) if base.lsn <= upto]
    try:
        if fitting:
            _link_history(source, work, fitting[-1], upto, owner)
    finally:
        for left in work.bases.glob(f".*{_ASIDE}"):
            shutil.rmtree(left, ignore_errors=True)


def put_bases_aside(work: BranchFolder) -> None:
    """What came with a spare is not the past of what `work` becomes, until `link_history` finds that it is."""
    for base in work.bases.iterdir():
        base.rename(base.with_name(f".{base.name}{_ASIDE}"))


def _link_history(
    source: BranchFolder, work: BranchFolder, base: Base, upto: int, owner: tuple[int, int] | None
) -> None:
    for number in range(
        segment_number(base.replays_from, WAL_SEGMENT_BYTES), segment_number(upto, WAL_SEGMENT_BYTES)
    ):
        name = segment_name(number, WAL_SEGMENT_BYTES)
        if not _archives_itself(source, work, name):
            with contextlib.suppress(FileExistsError, WalLost):
                link_segment(source, name, work.wal / name)
    _link_base(base.path, work, base.path.name, owner)
    sync_folder(work.wal)


def add_first_base(template: Path, control: ControlData, work: BranchFolder, machine: Machine) -> None:
    """The base of a new project: the template itself, as hard links."""
    name = f"{control.checkpoint:016X}"
    label = label_of_stopped(
        checkpoint=control.checkpoint,
        redo=control.redo,
        segment_bytes=WAL_SEGMENT_BYTES,
        at=machine.now(),
    )
    link_tree(template, work.bases / name, owner=machine.owner, wanted=_wanted_in_base)
    write_atomically(work.bases / name / _LABEL, label, owner=machine.owner, durably=False)


def keep_stopped_as_base(
    machine: Machine, folder: BranchFolder, control: ControlData, at: datetime, stop: Event
) -> None:
    """Keep a data directory as a base, which no server has and none gets meanwhile; once is enough.

    When `stop` is set, somebody wants to wake it, and it is given up.
    """
    name = f"{control.checkpoint:016X}"
    if (folder.bases / name).is_dir():
        return
    newest = newest_base(folder)
    label = label_of_stopped(
        checkpoint=control.checkpoint, redo=control.redo, segment_bytes=WAL_SEGMENT_BYTES, at=at
    )
    work = machine.layout.building / f"base-{folder.root.name}-{name}"
    shutil.rmtree(work, ignore_errors=True)
    try:
        machine.driver.clone(
            folder.data,
            work,
            owner=machine.owner,
            wanted=_wanted_in_base,
            like=None if newest is None else newest.path,
            stop=stop,
        )
        write_atomically(work / _LABEL, label, owner=machine.owner)
        land_base(machine, work, folder, control.checkpoint)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def land_base(machine: Machine, work: Path, folder: BranchFolder, lsn: int) -> None:
    """Give a base that is whole its place."""
    sync_tree(work)
    prepare_folder(folder.bases, machine.owner)
    if not (folder.bases / f"{lsn:016X}").exists():
        rename_durably(work, folder.bases / f"{lsn:016X}")


def remove_before(machine: Machine, folder: BranchFolder, first: Base) -> int:
    """Remove the bases before `first` and the WAL that it does not need; returns from where WAL is kept."""
    for base in bases_of(folder):
        if base < first:
            # Renamed first, so that nobody takes a part of it for a base.
            gone = base.path.with_name(f"{base.path.name}.removed")
            base.path.rename(gone)
            machine.driver.delete(gone)
    for leftover in folder.bases.glob("*.removed"):
        machine.driver.delete(leftover)
    kept = segment_name(segment_number(first.replays_from, WAL_SEGMENT_BYTES), WAL_SEGMENT_BYTES)
    for path in folder.wal.iterdir():
        if len(path.name) == len(kept) and path.name < kept:
            path.unlink(missing_ok=True)
    return first.replays_from


def _wanted_in_base(path: str) -> bool:
    """Without WAL: that is in the archive."""
    return path not in (_LABEL, f"{_LABEL}.old") and is_wanted_in_clone(path, running=True)


def _archives_itself(source: BranchFolder, work: BranchFolder, name: str) -> bool:
    """Whether `work` has a segment of that name as a file of its own, which it is still to archive."""
    own = work.data / "pg_wal" / name
    done = work.data / "pg_wal" / "archive_status" / f"{name}.done"
    for path in _places_of(source, name):
        with contextlib.suppress(FileNotFoundError):
            return not own.samefile(path) and not done.exists()
    return False


def _link_base(path: Path, work: BranchFolder, name: str, owner: tuple[int, int] | None) -> None:
    prepare_folder(work.bases, owner)
    if (work.bases / name).is_dir():
        return
    beside = work.bases / f".{name}.linking"
    shutil.rmtree(beside, ignore_errors=True)
    aside = work.bases / f".{name}{_ASIDE}"
    if _is_same_base(path, aside):
        aside.rename(beside)
    else:
        link_tree(path, beside, owner=owner)
    rename_durably(beside, work.bases / name)


def _is_same_base(path: Path, aside: Path) -> bool:
    """Whether both are links to one template: every base but that has a control file of its own."""
    control = Path("global") / "pg_control"
    try:
        return (path / control).samefile(aside / control)
    except FileNotFoundError:
        return False


def _copy_beginning(machine: Machine, source: Path, target: Path, length: int) -> None:
    """The first bytes of a segment, and zeros behind them: there the WAL ends."""
    with source.open("rb") as read, target.open("xb") as write:
        write.write(read.read(length))
        write.truncate(WAL_SEGMENT_BYTES)
    target.chmod(0o600)
    if machine.owner is not None:
        os.chown(target, *machine.owner)
