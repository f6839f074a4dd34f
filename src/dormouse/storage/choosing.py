"""Which way of cloning a home gets: what its own file system can in truth, or what the user asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dormouse.errors import HomeError
from dormouse.storage.copying import CopyDriver
from dormouse.storage.driver import Driver
from dormouse.storage.reflink import ReflinkDriver

__all__ = ["Choice", "StorageWord", "choose_driver"]

StorageWord = Literal["auto", "reflink", "copy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A driver, and why this one."""

    driver: Driver
    reason: str


def choose_driver(home: Path, word: StorageWord = "auto") -> Choice:
    """Try in `home`, a folder that is there, what its file system can; never goes by the file system's name.

    Raises HomeError when the user asked for what does not work there.
    """
    if word == "copy":
        return Choice(driver=CopyDriver(), reason="copies every byte, as DORMOUSE_STORAGE=copy asks")
    reflink = ReflinkDriver()
    probe = reflink.probe(home)
    if probe.works:
        return Choice(driver=reflink, reason=probe.reason)
    if word == "reflink":
        raise HomeError(
            f"DORMOUSE_STORAGE is 'reflink', and that does not work in {home}: {probe.reason}",
            "unset it to copy instead, or set DORMOUSE_HOME to a folder on XFS, btrfs or APFS",
        )
    return Choice(driver=CopyDriver(), reason=f"copies every byte, since {probe.reason}")
