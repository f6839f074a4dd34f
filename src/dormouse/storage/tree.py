"""What all ways of cloning share: walking a tree of folders, making its like, working on many files at once."""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dormouse.errors import CloneStopped
from dormouse.storage.driver import Usage, Wanted, everything
from dormouse.storage.sameness import carried_mtime_ns

__all__ = ["delete_tree", "largest_first", "let_settle", "make_folders", "stop_if_asked", "walk", "work_through"]


def walk(source: Path, wanted: Wanted) -> Iterator[tuple[str, list[tuple[str, os.stat_result]]]]:
    """Each wanted folder, parents first, with the names of its wanted files and what they are.

    Names are relative to `source`; its own is empty. Symbolic links to folders are left out; what vanishes
    meanwhile too, but `source` itself must be there.
    """
    waiting = [""]
    for here in waiting:
        files = []
        try:
            with os.scandir(source / here) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    name = f"{here}/{entry.name}" if here else entry.name
                    if not wanted(name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(name)
                    elif not entry.is_dir():
                        with contextlib.suppress(FileNotFoundError):
                            files.append((name, entry.stat(follow_symlinks=False)))
        except FileNotFoundError:
            # A running server removed it.
            if not here:
                raise
            continue
        yield here, files


def make_folders(source: Path, target: Path, owner: tuple[int, int] | None, wanted: Wanted) -> list[str]:
    """Make the folders of `source` below `target`, 0700, and return its wanted files, relative to it.

    The largest come first, so that the disk is at work on them while the many small ones are made. `target` must
    not exist. Symbolic links to folders are not followed.
    """
    files: list[tuple[str, os.stat_result]] = []
    for folder, found in walk(source, wanted):
        made = target / folder
        made.mkdir(mode=0o700)
        if owner is not None:
            os.chown(made, *owner)
        files += found
    return largest_first(files)


def largest_first(files: Iterable[tuple[str, os.stat_result]]) -> list[str]:
    """Their names in the order in which a clone makes them."""
    return [name for name, _ in sorted(files, key=lambda file: -file[1].st_size)]


def work_through(
    files: Sequence[str], work: Callable[[str], Usage | None], *, threads: int, stop: threading.Event | None
) -> Usage:
    """Call `work` on every file, in several threads, and add up what it answers; None counts as no file.

    The first error ends it: no further file is begun, those under way are waited for, and it is raised.
    So does `stop`, with CloneStopped.
    """
    waiting = iter(files)
    ended = threading.Event()

    def drain() -> list[Usage]:
        done = []
        try:
            # Taking the next one of a list's iterator is one step, which no other thread interrupts.
            for file in waiting:
                if ended.is_set():
                    break
                stop_if_asked(stop)
                if (usage := work(file)) is not None:
                    done.append(usage)
        except BaseException:
            ended.set()
            raise
        return done

    with ThreadPoolExecutor(threads, thread_name_prefix="clone") as pool:
        drains = [pool.submit(drain) for _ in range(threads)]
    done = [usage for drain in drains for usage in drain.result()]
    return Usage(
        files=len(done),
        size_bytes=sum(usage.size_bytes for usage in done),
        own_bytes=sum(usage.own_bytes for usage in done),
    )


def stop_if_asked(stop: threading.Event | None) -> None:
    """Raise CloneStopped once `stop` is set."""
    if stop is not None and stop.is_set():
        raise CloneStopped("the clone was stopped before it was whole")


def let_settle(folder: Path) -> None:
    """Let all files below look as if they were not written just now; for a tree that nobody writes to any more.

    A clone of it then has the times of its files, so that a later clone of that one can share them.
    """
    now_ns = time.time_ns()
    for _, files in walk(folder, everything):
        for name, found in files:
            times = found.st_atime_ns, carried_mtime_ns(found.st_mtime_ns, begun_ns=now_ns)
            os.utime(folder / name, ns=times)


def delete_tree(folder: Path) -> None:
    """Remove the folder with all below it; no error if it is not there, or vanishes meanwhile."""
    while folder.exists():
        # Whatever vanishes while we are at it spares us the work; then from the start, for the rest.
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
