"""Two halves that hand bytes on, unread, between a client and its compute.

    client ──TLS──▶ _ClientHalf ──write──▶ compute transport
    client transport ◀──write── _ComputeHalf ◀──unix socket── compute

Back-pressure: when one transport's buffer is full, the other side is not read until it has drained, so a reader
that stopped costs one buffer. There is no task here, and no await: the transports call, the halves write.

The end: whichever side ends first, what it sent before is flushed to the other, which is closed then. A relay has
ended when both are gone.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Final

from dormouse.proxy.client_transport import ClientTransport
from dormouse.proxy.compute_transport import ComputeTransport
from dormouse.proxy.directory import Activity
from dormouse.proxy.socket_transport import SocketTransport

__all__ = ["Relay", "Side"]

# The last bytes of a ReadyForQuery, before its status: at such a place a message of ours may follow.
_READY: Final = b"Z\x00\x00\x00\x05"


CallLater = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class Side(Enum):
    """Who ended a relay."""

    CLIENT = "client"
    COMPUTE = "compute"
    PROXY = "proxy"


class Relay:
    """One relayed session, from the compute's first ReadyForQuery to its end."""

    def __init__(
        self,
        client: ClientTransport,
        compute: ComputeTransport,
        *,
        activity: Activity,
        now: Callable[[], float],
        close_client: Callable[[], None],
        on_end: Callable[[Side], None],
    ) -> None:
        self.client = client
        self.compute = compute
        self.ended_by: Side | None = None
        self._close_client = close_client
        self._on_end = on_end
        self._open = 2
        self._client_half = _ClientHalf(self, activity, now)
        self._compute_half = _ComputeHalf(self, activity)

    def start(self, *, for_client: bytes, for_compute: bytes, write_buffer: int) -> None:
        """Take over both transports. `for_client` ends with what the compute said last."""
        self.client.set_write_buffer_limits(high=write_buffer)
        self.compute.set_write_buffer_limits(high=write_buffer)
        self.client.set_protocol(self._client_half)
        self.compute.set_protocol(self._compute_half)
        self._compute_half.data_received(for_client)
        if for_compute:
            self._client_half.data_received(for_compute)

    def stop(self, farewell: bytes) -> None:
        """End the relay from here; the client is told `farewell` if it can be.

        It can when the compute's last message was ReadyForQuery. Else a message may be under way, and a word of
        ours in the middle of it would be read as data.
        """
        if self.ended_by is None:
            self.ended_by = Side.PROXY
            if self._compute_half.tail[:-1] == _READY and not self.client.is_closing():
                self.client.write(farewell)
        self._close_client()
        self.compute.close()

    def slow_down(self, delay_s: float, call_later: CallLater) -> None:
        """Hand each read on only `delay_s` later, either way; 0 ends it. For whoever tries an application."""
        for half, source, write in (
            (self._client_half, self.client, self.compute.write),
            (self._compute_half, self.compute, self.client.write),
        ):
            if isinstance(half.write, _Slow):
                half.write.flush()
            if half.write is not _discard:
                half.write = _Slow(source, write, half, delay_s, call_later) if delay_s else write

    def cut_after(self, count: int) -> None:
        """End when the client was sent `count` more bytes. For whoever tries an application."""
        self._compute_half.write = _Cut(self, self._compute_half.write, count)

    def cut(self) -> None:
        """End from here without a word; what was handed on before is sent."""
        self.ended_by = self.ended_by or Side.PROXY
        self._hand_on()
        self._client_half.write = self._compute_half.write = _discard
        self._close_client()
        self.compute.close()

    def abort(self) -> None:
        """End at once; what was not yet sent is lost."""
        self.ended_by = self.ended_by or Side.PROXY
        self.client.abort()
        self.compute.abort()

    def _hand_on(self) -> None:
        """What a slow half still holds."""
        for half in (self._client_half, self._compute_half):
            write = half.write.inner if isinstance(half.write, _Cut) else half.write
            if isinstance(write, _Slow):
                write.flush()

    def block(self, side: Side, *, is_blocked: bool) -> None:
        """One side takes nothing more for the moment, or does again."""
        half = self._compute_half if side is Side.CLIENT else self._client_half
        half.is_blocked = is_blocked

    def lost(self, side: Side) -> None:
        """One side is gone: the other gets what is still under way, and is closed."""
        self.ended_by = self.ended_by or side
        self._hand_on()
        if side is Side.CLIENT:
            self._compute_half.write = _discard
            self.compute.close()
        else:
            self._client_half.write = _discard
            self._close_client()
        self._open -= 1
        if self._open == 0:
            self._on_end(self.ended_by)


class _ClientHalf(asyncio.Protocol):
    """Hears the client."""

    def __init__(self, relay: Relay, activity: Activity, now: Callable[[], float]) -> None:
        self.write: Callable[[bytes], None] = relay.compute.write
        self.is_blocked = False
        """Whether what it hands on is to wait: the compute reads slowly."""
        self._relay = relay
        self._activity = activity
        self._now = now

    def data_received(self, data: bytes) -> None:
        activity = self._activity
        activity.last = self._now()
        activity.from_clients += len(data)
        self.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._relay.lost(Side.CLIENT)

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self._relay.block(Side.CLIENT, is_blocked=True)
        _pause(self._relay.compute)

    def resume_writing(self) -> None:
        self._relay.block(Side.CLIENT, is_blocked=False)
        _resume(self._relay.compute)


class _ComputeHalf(asyncio.Protocol):
    """Hears the compute."""

    def __init__(self, relay: Relay, activity: Activity) -> None:
        self.write: Callable[[bytes], None] = relay.client.write
        self.is_blocked = False
        """Whether what it hands on is to wait: the client reads slowly."""
        self.tail = b""
        """The last bytes that the compute sent, as many as a ReadyForQuery has."""
        self._relay = relay
        self._activity = activity

    def data_received(self, data: bytes) -> None:
        self.tail = data[-6:]
        self._activity.to_clients += len(data)
        self.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._relay.lost(Side.COMPUTE)

    def pause_writing(self) -> None:
        """The compute reads slowly: it is busy with what it has."""
        self._relay.block(Side.COMPUTE, is_blocked=True)
        _pause(self._relay.client)

    def resume_writing(self) -> None:
        self._relay.block(Side.COMPUTE, is_blocked=False)
        _resume(self._relay.client)


class _Slow:
    """A `write` that holds what it is given for a while; its source is not read meanwhile: little waits."""

    def __init__(
        self,
        source: SocketTransport,
        write: Callable[[bytes], None],
        half: "_ClientHalf | _ComputeHalf",
        delay_s: float,
        call_later: CallLater,
    ) -> None:
        self._source = source
        self._write = write
        self._half = half
        self._delay_s = delay_s
        self._call_later = call_later
        self._held: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, data: bytes) -> None:
        self._held.append(data)
        if self._timer is None:
            _pause(self._source)
            self._timer = self._call_later(self._delay_s, self.flush)

    def flush(self) -> None:
        """Hand on what is held, now. Idempotent."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        held, self._held = self._held, []
        self._write(b"".join(held))
        if not self._half.is_blocked:
            _resume(self._source)


class _Cut:
    """A `write` that ends the relay after some bytes."""

    def __init__(self, relay: Relay, write: Callable[[bytes], None], count: int) -> None:
        self._relay = relay
        self.inner = write
        self._left = count

    def __call__(self, data: bytes) -> None:
        if len(data) <= self._left:
            self._left -= len(data)
            self.inner(data)
            return
        if self._left:
            self.inner(data[: self._left])
        self._relay.cut()


def _pause(transport: SocketTransport) -> None:
    # A closing transport still flushes, and calls its protocol; it cannot be paused any more.
    if not transport.is_closing():
        transport.pause_reading()


def _resume(transport: SocketTransport) -> None:
    if not transport.is_closing():
        transport.resume_reading()


def _discard(data: bytes) -> None:
    """TLS may hand out bytes that had arrived when the other side was gone already."""
