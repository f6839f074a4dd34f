"""One compute over its life: wakes once for all who wait, stops once for all who ask, notices a crash.

The lifecycle is the table in `lifecycle`; what differs between a primary and a replica is its `Duty`, which
the control plane gives.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dormouse.compute.account import Account
from dormouse.compute.binaries import Postgres
from dormouse.compute.control_file import ControlData, read_control_data
from dormouse.compute.lifecycle import ComputeEvent, ComputeState, next_state
from dormouse.compute.server import Server
from dormouse.errors import ComputeError, DormouseError, StartFailed
from dormouse.names import EndpointId

__all__ = ["Compute", "Duty", "Start"]

logger = logging.getLogger("dormouse.compute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a start needs to know."""

    postgres: Postgres
    data: Path
    settings: dict[str, str]
    socket_dir: Path


class Duty(Protocol):
    """What the control plane has to do with a compute at each turn of its life."""

    async def prepare(self) -> Start:
        """Before the process: where, and with which settings."""
        ...

    async def until_ready(self, server: Server) -> None:
        """Return when it may serve. Raises StartFailed."""
        ...

    async def before_stop(self, server: Server) -> None:
        """While it still answers, its clients not yet cut."""
        ...

    async def after_stop(self, control: ControlData | None) -> None:
        """The process is gone; None if its directory could not be read."""
        ...


class Compute:
    """One endpoint's server. `spawn_task` runs a task in the platform's group."""

    def __init__(
        self,
        endpoint: EndpointId,
        duty: Duty,
        *,
        account: Account | None,
        start_timeout_s: float,
        spawn_task: Callable[..., "asyncio.Task[None]"],
        closed: Callable[[], Awaitable[object] | None] = lambda: None,
        woke: Callable[[float | None], None] = lambda _seconds: None,
    ) -> None:
        """`closed` says whether it may not be woken at this moment, and is to be waited for until it may again.

        `woke` is told of each start: its seconds, or None if it failed.
        """
        self.endpoint = endpoint
        self.state = ComputeState.ASLEEP
        self.wake_ms: float | None = None
        """How long the last start took."""
        self._duty = duty
        self._account = account
        self._start_timeout_s = start_timeout_s
        self._spawn_task = spawn_task
        self._closed = closed
        self._woke = woke
        self._server: Server | None = None
        self._start: Start | None = None
        self._turn: asyncio.Future[None] | None = None

    @property
    def server(self) -> Server:
        """The running server. Only while `ready`; raises StartFailed else."""
        if self.state is not ComputeState.READY or self._server is None:
            raise StartFailed(f"the compute {self.endpoint} is {self.state}")
        return self._server

    async def wake(self, *, even_closed: bool = False) -> Server:
        """Return when it is ready; starts it if nobody does yet. Raises StartFailed, for every waiter the same.

        While it may not be woken this waits; not so `even_closed`, for whoever is waited for before it is closed.
        """
        while self.state is not ComputeState.READY:
            if self.state in (ComputeState.ASLEEP, ComputeState.FAILED):
                if not even_closed and (opened := self._closed()) is not None:
                    await opened
                    continue
                self._begin(ComputeEvent.WAKE, self._run_start)
            await self._turn_over()
        return self.server

    async def sleep(self) -> None:
        """Return when no process is left; stops it if nobody does yet."""
        while self.state not in (ComputeState.ASLEEP, ComputeState.FAILED):
            if self.state is ComputeState.READY:
                self._begin(ComputeEvent.STOP, self._run_stop)
            try:
                await self._turn_over()
            except StartFailed:
                return

    def reload(self) -> None:
        """Make a running server read its files again; a standby then looks for its primary at once."""
        if self._server is not None:
            self._server.reload()

    def _begin(self, event: ComputeEvent, run: Callable[[], object]) -> None:
        self._enter(event)
        self._spawn_task(run())

    def _enter(self, event: ComputeEvent) -> None:
        """Into a state that ends by itself; `_turn` is its end."""
        self.state = next_state(self.state, event)
        self._turn = asyncio.get_running_loop().create_future()
        # Whoever does not wait for it need not hear how it went.
        self._turn.add_done_callback(lambda turn: turn.cancelled() or turn.exception())

    async def _turn_over(self) -> None:
        if self._turn is not None:
            # Shielded: a client that gives up must not end the start for the others.
            await asyncio.shield(self._turn)

    def _end(self, event: ComputeEvent, error: BaseException | None = None) -> None:
        self.state = next_state(self.state, event)
        turn, self._turn = self._turn, None
        if turn is None or turn.done():
            return
        if error is None:
            turn.set_result(None)
        elif isinstance(error, asyncio.CancelledError):
            turn.cancel()
        else:
            turn.set_exception(error)

    async def _run_start(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        server: Server | None = None
        try:
            self._start = start = await self._duty.prepare()
            server = await Server.start(
                start.postgres,
                start.data,
                settings=start.settings,
                socket_dir=start.socket_dir,
                account=self._account,
                timeout_s=self._start_timeout_s,
            )
            await self._duty.until_ready(server)
        except BaseException as error:
            if server is not None:
                await asyncio.shield(server.stop())
            self._failed(error)
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        self._server = server
        self.wake_ms = (loop.time() - began) * 1000
        self._woke(self.wake_ms / 1000)
        self._end(ComputeEvent.BECAME_READY)
        logger.info(
            "compute is ready",
            extra={"action": "compute_ready", "endpoint": self.endpoint, "duration_ms": round(self.wake_ms)},
        )
        self._spawn_task(self._watch(server))

    def _failed(self, error: BaseException) -> None:
        self._woke(None)
        logger.warning(
            "compute did not start",
            extra={"action": "compute_start_failed", "endpoint": self.endpoint, "reason": str(error)},
            exc_info=None if isinstance(error, DormouseError | asyncio.CancelledError) else error,
        )
        if isinstance(error, StartFailed | asyncio.CancelledError):
            told: BaseException = error
        else:
            told = StartFailed(f"the compute {self.endpoint} could not be started: {error}")
            told.__cause__ = error
        self._end(ComputeEvent.START_FAILED, told)

    async def _run_stop(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        server = self._server
        if server is None:
            raise AssertionError("a ready compute has a server")
        try:
            try:
                await self._duty.before_stop(server)
            except Exception as error:  # whatever it is, the stop goes on
                logger.warning(
                    "preparing a stop failed",
                    extra={"action": "before_stop_failed", "endpoint": self.endpoint},
                    exc_info=error,
                )
            step = await asyncio.shield(server.stop())
        finally:
            await self._after_exit()
        logger.info(
            "compute is asleep",
            extra={
                "action": "compute_asleep",
                "endpoint": self.endpoint,
                "step": step,
                "duration_ms": round((loop.time() - began) * 1000),
            },
        )

    async def _watch(self, server: Server) -> None:
        """See a server that ends unasked."""
        await server.postmaster.exited.wait()
        if self._server is not server or self.state is not ComputeState.READY:
            return
        logger.warning(
            "a server ended unasked",
            extra={
                "action": "compute_died",
                "endpoint": self.endpoint,
                "exit_code": server.postmaster.exit_code,
                "log_tail": server.log_tail(),
            },
        )
        self._enter(ComputeEvent.STOP)
        await self._after_exit()

    async def _after_exit(self) -> None:
        self._server = None
        control: ControlData | None = None
        if self._start is not None:
            try:
                control = await asyncio.to_thread(read_control_data, self._start.postgres, self._start.data)
            except (ComputeError, OSError) as error:
                logger.warning(
                    "a stopped data directory cannot be read",
                    extra={"action": "control_data_failed", "endpoint": self.endpoint, "reason": str(error)},
                )
        try:
            await self._duty.after_stop(control)
        finally:
            self._end(ComputeEvent.EXITED)
