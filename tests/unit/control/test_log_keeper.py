"""The loop that keeps logs short, over those of the platform, of awake computes and of their poolers."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dormouse.compute.log_file import LOG_LIMIT_BYTES
from dormouse.control import log_keeper
from dormouse.control.log_keeper import LogKeeper


async def test_what_grew_too_long_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_keeper, "_LOOK_S", 0.001)
    own, server, pooler = (tmp_path / name for name in ("dormouse.log", "postgres.log", "pgbouncer.log"))
    asleep = tmp_path / "asleep" / "postgres.log"
    asleep.parent.mkdir()
    for log in (own, server, pooler, asleep):
        with log.open("wb") as file:
            file.truncate(LOG_LIMIT_BYTES + 1)
    computes: Any = SimpleNamespace(ready=lambda: [("ep-a", SimpleNamespace(server=SimpleNamespace(log=server)))])
    keeper = asyncio.create_task(LogKeeper(computes, own).run())

    async with asyncio.timeout(10):
        while any(log.stat().st_size for log in (own, server, pooler)):
            await asyncio.sleep(0.001)
    keeper.cancel()

    assert [log.with_name(f"{log.name}.1").stat().st_size for log in (own, server, pooler)] == [
        LOG_LIMIT_BYTES + 1
    ] * 3
    # Nobody writes to it; its server begins with a look at it.
    assert asleep.stat().st_size == LOG_LIMIT_BYTES + 1
