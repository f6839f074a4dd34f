"""Puts computes to sleep when nothing happens. Looks at the clock only when something may be due."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import psycopg

from dormouse.compute.supervisor import Compute
from dormouse.control.computes import Computes
from dormouse.control.idling import Ask, Sleep, Wait, at_deadline, before_asking
from dormouse.control.model import Endpoint, suspend_timeout_s
from dormouse.errors import ComputeError
from dormouse.names import EndpointId

__all__ = ["IdleWatcher"]

logger = logging.getLogger("dormouse.control")


class IdleWatcher:
    """One loop over the computes that are awake; `last_activity` is the relay's word, in loop seconds."""

    def __init__(self, computes: Computes, last_activity: Callable[[EndpointId], float]) -> None:
        self._computes = computes
        self._last_activity = last_activity
        self._not_before: dict[EndpointId, float] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._computes.changed.clear()
            due = [await self._look_at(endpoint, compute) for endpoint, compute in self._computes.ready()]
            waits = [until for until in due if until is not None]
            await self._pause(min(waits, default=None))

    async def _look_at(self, endpoint: Endpoint, compute: Compute) -> float | None:
        """Decide about one compute; returns when to look at it again, None if there is no need."""
        now = asyncio.get_running_loop().time()
        last = max(self._last_activity(endpoint.id), self._not_before.get(endpoint.id, 0.0))
        timeout_s = suspend_timeout_s(endpoint)
        match before_asking(now, last, timeout_s):
            case Wait(until):
                return until
            case Ask() if timeout_s is not None:
                return await self._ask(compute, now, timeout_s)
            case _:
                return None

    async def _ask(self, compute: Compute, now: float, timeout_s: float) -> float | None:
        try:
            busy = await self._computes.busy(compute)
        except (ComputeError, psycopg.Error) as error:
            logger.info(
                "a compute did not say whether it is idle",
                extra={"action": "busy_failed", "endpoint": compute.endpoint, "reason": str(error)},
            )
            return now + timeout_s
        match at_deadline(now, busy, timeout_s):
            case Wait(until):
                self._not_before[compute.endpoint] = until - timeout_s
                return until
            case Sleep():
                # The answer took a moment, in which a client may have come.
                last = self._last_activity(compute.endpoint)
                if last >= now:
                    return last + timeout_s
                # One that is held is looked at again when it is let go.
                if not self._computes.is_held(compute):
                    await compute.sleep()
                return None

    async def _pause(self, until: float | None) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if until is None else max(0.01, until - loop.time())):
                await self._computes.changed.wait()
