"""Keeps the logs of the platform, of awake computes and their poolers from growing for ever."""

import asyncio
from pathlib import Path
from typing import Final

from dormouse.compute.log_file import shorten
from dormouse.control.computes import Computes

__all__ = ["LogKeeper"]

_LOOK_S: Final = 60.0


class LogKeeper:
    """One loop over files that something writes to just now."""

    def __init__(self, computes: Computes, own_log: Path) -> None:
        self._computes = computes
        self._own_log = own_log

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await asyncio.to_thread(_shorten_all, self._written())

    def _written(self) -> list[Path]:
        logs = [self._own_log]
        for _, compute in self._computes.ready():
            log = compute.server.log
            logs += [log, log.with_name("pgbouncer.log")]
        return logs


def _shorten_all(logs: list[Path]) -> None:
    for log in logs:
        shorten(log)
