"""What the doctor says of the storage: how this home clones, why so, and what branches would cost."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dormouse.cli.findings import Finding
from dormouse.config import Settings
from dormouse.errors import UserError
from dormouse.sizes import size_text
from dormouse.storage.choosing import Choice, choose_driver
from dormouse.storage.driver import Usage, is_wanted_in_clone
from dormouse.storage.estimating import Pace, expected_cost, measure_pace
from dormouse.storage.layout import Layout
from dormouse.storage.tree import walk

__all__ = ["examine_storage", "largest_branches", "told_cost"]

_ENOUGH_BYTES: Final = 1_000_000_000
_SHOWN: Final = 10
"""More projects than these are summed up."""


def examine_storage(settings: Settings) -> Iterator[Finding]:
    """The driver and the room first, then the projects, the largest first."""
    folder = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    try:
        choice = choose_driver(folder, settings.storage)
    except UserError as error:
        yield Finding("problem", "storage", error.message, error.hint)
        return
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    yield Finding(
        "fine" if free > _ENOUGH_BYTES else "problem",
        "storage",
        f"{choice.driver.name}: {choice.reason}; {size_text(free)} free",
        facts={"driver": choice.driver.name, "reason": choice.reason, "free_bytes": free},
    )
    yield from _projects(Layout(settings.home), choice, free)


def _projects(layout: Layout, choice: Choice, free: int) -> Iterator[Finding]:
    try:
        branches = largest_branches(layout)
        if not branches:
            return
        pace = measure_pace(choice.driver, layout.home)
    except OSError as error:
        yield Finding("note", "storage", f"what a branch costs could not be tried: {error.strerror or error}")
        return
    costs = [told_cost(name, usage, pace, free) for name, usage in branches]
    yield from costs[:_SHOWN]
    if len(costs) > _SHOWN:
        yield Finding("note", "storage", f"and {len(costs) - _SHOWN} projects more, whose branches cost less")


def told_cost(project: str, source: Usage, pace: Pace, free: int) -> Finding:
    """What a branch of a project would cost, beside the `free` bytes that there are."""
    cost = expected_cost(pace, source)
    fits = cost.bytes_on_disk < free
    return Finding(
        "note" if fits else "problem",
        "storage",
        f"a branch of {project} ({size_text(source.size_bytes)} in {source.files} files) would take about "
        f"{cost.seconds:.1f} s and {size_text(cost.bytes_on_disk)} of disk",
        "" if fits else "there is not so much room: delete branches that are not needed, or move DORMOUSE_HOME",
        {
            "project": project,
            "files": source.files,
            "size_bytes": source.size_bytes,
            "clone_seconds": round(cost.seconds, 3),
            "clone_bytes": cost.bytes_on_disk,
        },
    )


def largest_branches(layout: Layout) -> list[tuple[str, Usage]]:
    """Of each project in the home its largest branch, as far as a clone takes it along; the largest first."""
    found = []
    for project in layout.projects.glob("*"):
        branches = [_cloned_part(data) for data in project.glob("branches/*/*/data")]
        if branches:
            found.append((project.name, max(branches, key=lambda usage: usage.size_bytes)))
    return sorted(found, key=lambda one: (-one[1].size_bytes, one[0]))


def _cloned_part(data: Path) -> Usage:
    try:
        folders = list(walk(data, lambda path: is_wanted_in_clone(path, running=False)))
    except FileNotFoundError:
        return Usage(files=0, size_bytes=0, own_bytes=0)
    sizes = [found.st_size for _, files in folders for _, found in files]
    return Usage(files=len(sizes), size_bytes=sum(sizes), own_bytes=sum(sizes))
