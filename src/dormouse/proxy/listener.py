"""The proxy's shell: sockets, TLS, time and chance around `Session`.

One connection, from accept to close:

    accept ─ peek at one byte ─┬─ 0x16 ───────────────────────────────┬─ TLS ─ Session ─ Relay
                               └─ read 8 bytes raw, answer S or N ────┘

The socket is read raw until TLS begins, and never a byte too far: what follows an SSLRequest unasked could be
somebody else's. Then `ClientTransport` takes the socket over. `_Connection` feeds the session and performs its
commands; an errand that has to wait (a lookup, a wake) is a task of the listener's group, one per connection.

Logged, on "dormouse.proxy": at INFO one line when a session begins and one when it ends, one for a refusal; at
DEBUG what never got that far; at ERROR our own faults.
"""

import asyncio
import contextlib
import errno
import logging
import secrets
import socket
import ssl
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, assert_never

from dormouse.errors import DormouseError, PortTaken, UserError
from dormouse.names import DEFAULT_HOST_SUFFIX, EndpointId
from dormouse.proxy import refusals
from dormouse.proxy.cancellation import CancelTarget, Registry
from dormouse.proxy.certificates import Certificates
from dormouse.proxy.client_transport import ClientTransport
from dormouse.proxy.compute_transport import ComputeTransport
from dormouse.proxy.directory import Activity, Directory
from dormouse.proxy.faults import Fault
from dormouse.proxy.limits import Limits
from dormouse.proxy.penalties import Penalties
from dormouse.proxy.queues import Queues
from dormouse.proxy.refusals import ErrorProfile, refusal_for
from dormouse.proxy.relay import Relay, Side
from dormouse.proxy.session import (
    CheckPassword,
    ClientData,
    ClientGone,
    ClientHelloSeen,
    Close,
    Command,
    ComputeConnected,
    ComputeData,
    ComputeGone,
    ComputeUnreachable,
    Confirmed,
    Connect,
    DeadlinePassed,
    Event,
    ForwardCancel,
    LeaveCompute,
    Locate,
    Located,
    LookUp,
    PasswordChecked,
    Penalise,
    PenaltyServed,
    Refused,
    Rules,
    Send,
    SendToCompute,
    Session,
    SetDeadline,
    StartTLS,
    State,
    Stopping,
    TLSStarted,
    VerifierFound,
)
from dormouse.proxy.session import Relay as RelayCommand
from dormouse.proxy.tally import Tally
from dormouse.wire.messages import BackendKeyData
from dormouse.wire.scram import check_password
from dormouse.wire.startup import CancelRequest

__all__ = ["Listener"]

_logger = logging.getLogger("dormouse.proxy")

_CLIENT_HELLO: Final = b"\x16"  # TLS record type "handshake" (RFC 8446, 5.1); no startup packet is that long
_SECRET_BYTES: Final = 32  # for a cancel key; protocol 3.0 has room for four
_OUT_OF_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_ACCEPT_PAUSE_S: Final = 0.2  # when there are no descriptors: some will be closed by then
_LINGER_S: Final = 1.0  # for a client without TLS to read why it was refused
_LINGER_BYTES: Final = 64 << 10
_MAX_LINGERING: Final = 100
_FIRST_LOOK_S: Final = 0.005  # for the last byte to be acknowledged; doubled from look to look


class Listener:
    """Accepts Postgres clients and takes each to its compute.

        async with Listener(directory, certificates, port=0) as listener:
            print(listener.port)

    Entered means listening. Leaving ends all sessions, those that can be told with a FATAL 57P01, and returns when
    every connection is closed.
    """

    def __init__(
        self,
        directory: Directory,
        certificates: Certificates,
        *,
        bind: str = "127.0.0.1",
        port: int = 55432,
        host_suffix: str = DEFAULT_HOST_SUFFIX,
        errors: ErrorProfile = "postgres",
        limits: Limits | None = None,
    ) -> None:
        self.directory = directory
        self.bind = bind
        self.port = port
        """What to listen on; once entered, what is listened on."""
        self.limits = limits or Limits()
        self.rules = Rules(
            host_suffix=host_suffix,
            certificate_hash=certificates.hash,
            mock_secret=certificates.secret,
            random_bytes=secrets.token_bytes,
            errors=errors,
            limits=self.limits,
            compute_of=directory.compute_of,
        )
        self.registry = Registry()
        self.penalties = Penalties()
        self.tally = Tally()
        self.queues = Queues(self.limits.compute_places, self.limits.queue_s)
        self.unauthenticated = 0
        self.authenticated: Counter[EndpointId] = Counter()
        self.lingering = 0
        self._certificates = certificates
        self._sockets: list[socket.socket] = []
        self._connections: set[_Connection] = set()
        self._empty = asyncio.Event()
        self._stopping = False

    @property
    def connections(self) -> int:
        """Those open now, in whatever state."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        """Listen. Raises PortTaken."""
        self.loop = asyncio.get_running_loop()
        self.context = self._certificates.server_context()
        self._sockets = _listen(self.bind, self.port, self.limits.backlog)
        self.port = self._sockets[0].getsockname()[1]
        # One thread: a password costs milliseconds of it, and who is not yet known shall not have more than that.
        self.hasher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dormouse-password")
        self.group = asyncio.TaskGroup()
        await self.group.__aenter__()
        for listening in self._sockets:
            self.loop.add_reader(listening, self._accept, listening)
        _logger.info("The proxy listens", extra={"action": "proxy_listens", "bind": self.bind, "port": self.port})
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Stop listening and end the sessions."""
        self._stopping = True
        for listening in self._sockets:
            self.loop.remove_reader(listening)
            listening.close()
        for connection in list(self._connections):
            connection.stop()
        try:
            if self._connections:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.limits.farewell_s):
                        await self._empty.wait()
        finally:
            for connection in list(self._connections):
                connection.abort()
            self.hasher.shutdown(wait=False, cancel_futures=True)
            # Our tasks are over. Told of the body's error, the group would wrap it.
            await self.group.__aexit__(None, None, None)
        _logger.info("The proxy has stopped", extra={"action": "proxy_stopped"})

    def slow_down(self, endpoint: EndpointId, delay_s: float) -> None:
        """Delay the sessions of an endpoint that are relayed now; 0 ends that."""
        for connection in self._connections:
            connection.slow_down(endpoint, delay_s)

    def drop(self, endpoint: EndpointId) -> int:
        """Cut the sessions of an endpoint that are relayed now, without a word; how many."""
        return sum(connection.drop(endpoint) for connection in list(self._connections))

    def forget(self, connection: "_Connection") -> None:
        """A connection is closed."""
        self._connections.discard(connection)
        if self._stopping and not self._connections:
            self._empty.set()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(self.limits.backlog):
            try:
                accepted, address = listening.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno not in _OUT_OF_DESCRIPTORS:
                    raise
                self._pause_accepting(listening, error)
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection = _Connection(self, accepted, f"{address[0]}:{address[1]}")
            self._connections.add(connection)
            connection.start()

    def _pause_accepting(self, listening: socket.socket, error: OSError) -> None:
        """The kernel keeps who comes meanwhile, up to the backlog."""
        _logger.warning(
            "No connection can be accepted for a moment", extra={"action": "accept_failed", "reason": str(error)}
        )
        self.loop.remove_reader(listening)
        self.loop.call_later(_ACCEPT_PAUSE_S, self._resume_accepting, listening)

    def _resume_accepting(self, listening: socket.socket) -> None:
        if not self._stopping:
            self.loop.add_reader(listening, self._accept, listening)


class _Connection(asyncio.Protocol):
    """One client. It reads the raw socket before TLS, and then is the transport's protocol until the relay is."""

    def __init__(self, listener: Listener, accepted: socket.socket, peer: str) -> None:
        self._listener = listener
        self.loop = listener.loop
        self._socket: socket.socket | None = accepted
        """The raw socket; None once TLS or the end has it."""
        self._peer = peer
        self._session = Session(listener.rules)
        self._events: deque[Event] = deque()
        self._is_handling = False
        self._client: ClientTransport | None = None
        self._compute: _ComputeSide | None = None
        self._relay: Relay | None = None
        self._errand: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._hang_up_by = 0.0
        self._endpoint: EndpointId | None = None
        """Set once authenticated: the endpoint that the connection is counted for."""
        self._activity: Activity | None = None
        self._place: str | None = None
        """The compute at which the connection has a place."""
        self._key: BackendKeyData | None = None
        self._accepted_at = self.loop.time()
        self._is_over = False
        listener.unauthenticated += 1

    def start(self) -> None:
        """Begin, or turn away who is one too many."""
        if self._listener.unauthenticated > self._listener.limits.unauthenticated:
            self._send_raw(refusals.TOO_MANY_ATTEMPTS.encode(self._listener.rules.errors))
            self._log_refusal(refusals.TOO_MANY_ATTEMPTS, "refused")
            self._linger()
            return
        self._perform(self._session.start())
        assert self._socket is not None
        self.loop.add_reader(self._socket, self._peek)

    def stop(self) -> None:
        """End from our side."""
        if self._relay is not None:
            self._relay.stop(refusals.STOPPING.encode(self._listener.rules.errors))
        else:
            self.feed(Stopping())

    def abort(self) -> None:
        """End at once."""
        if self._relay is not None:
            self._relay.abort()
        if self._client is not None:
            self._client.abort()
        self._finish()

    def slow_down(self, endpoint: EndpointId, delay_s: float) -> None:
        """Delay the relay, if it leads to that endpoint."""
        if self._relay is not None and self._endpoint == endpoint:
            self._relay.slow_down(delay_s, self.loop.call_later)

    def drop(self, endpoint: EndpointId) -> bool:
        """Cut the relay, if it leads to that endpoint; whether it did."""
        if self._relay is None or self._endpoint != endpoint or self._is_over:
            return False
        self._relay.abort()
        return True

    # Before TLS.

    def _peek(self) -> None:
        """The first byte tells TLS from everything else, and stays in the socket."""
        assert self._socket is not None
        try:
            first = self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            first = b""
        if first == _CLIENT_HELLO:
            self.feed(ClientHelloSeen())
            return
        self.loop.add_reader(self._socket, self._read_raw)
        self._read_raw()

    def _read_raw(self) -> None:
        """Until nothing is left: libuv tells of bytes and of a reset behind them together, and once."""
        while self._socket is not None and self._session.state is State.PLAIN:
            try:
                data = self._socket.recv(self._session.bytes_wanted)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            self.feed(ClientData(data) if data else ClientGone())

    def _send_raw(self, data: bytes) -> None:
        """A few bytes into an empty buffer: they fit, or the client is gone."""
        assert self._socket is not None
        with contextlib.suppress(OSError):
            self._socket.send(data)

    def _linger(self) -> None:
        """Close a raw socket so that the client can read why.

        A socket that is closed with unread bytes in it sends RST, and that may throw away what was sent before.
        So: end our side, read on for a moment, close then.
        """
        assert self._socket is not None
        self.loop.remove_reader(self._socket)
        if self._listener.lingering >= _MAX_LINGERING:
            self._finish()
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._listener.lingering += 1
        self._set_timer(_LINGER_S, self._linger_over)
        self.loop.add_reader(self._socket, self._read_and_forget, [_LINGER_BYTES])

    def _read_and_forget(self, left: list[int]) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(4096)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        left[0] -= len(data)
        if not data or left[0] < 0:
            self._linger_over()

    def _linger_over(self) -> None:
        self._listener.lingering -= 1
        self._finish()

    def _start_tls(self) -> None:
        accepted, self._socket = self._socket, None
        assert accepted is not None
        self.loop.remove_reader(accepted)
        self._client = ClientTransport(self.loop, accepted, self._listener.context, self, on_secure=self._secured)

    def _secured(self) -> None:
        assert self._client is not None
        self.feed(TLSStarted(self._client.server_name))

    # As the transport's protocol.

    def data_received(self, data: bytes) -> None:
        self.feed(ClientData(data))

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            _logger.debug(
                "TLS failed", extra={"action": "tls_failed", "peer": self._peer, "reason": _reason(error)}
            )
        self.feed(ClientGone())
        self._finish()

    # Events in, commands out.

    def feed(self, event: Event) -> None:
        """Give the session an event. Events that arise while commands are carried out wait their turn."""
        self._events.append(event)
        if self._is_handling:
            return
        self._is_handling = True
        try:
            while self._events:
                self._perform(self._session.handle(self._events.popleft()))
        except Exception:
            # One connection's fault must not be the listener's end.
            _logger.exception("A connection failed", extra={"action": "connection_failed", "peer": self._peer})
            self._events.clear()
            self.abort()
        finally:
            self._is_handling = False

    def _perform(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Send(data):
                    if self._client is not None:
                        self._client.write(data)
                    elif self._socket is not None:
                        self._send_raw(data)
                case SetDeadline(seconds):
                    self._set_timer(seconds, self.feed, DeadlinePassed())
                case LookUp():
                    self._send_for(partial(self._look_up, command))
                case Locate():
                    self._admit(command)
                case Connect(socket_path):
                    self._connect(socket_path)
                case SendToCompute(data):
                    assert self._compute is not None
                    self._compute.transport.write(data)
                case LeaveCompute():
                    self._leave_compute()
                case RelayCommand():
                    self._begin_relay(command)
                case StartTLS():
                    self._start_tls()
                case CheckPassword():
                    self._send_for(partial(self._check_password, command))
                case Penalise(endpoint, role):
                    self._penalise(endpoint, role)
                case ForwardCancel(key):
                    self._forward_cancel(key)
                case Close():
                    self._close(command)
                case _:
                    assert_never(command)

    # Errands: what has to wait. One at a time, as the session's first rule says.

    def _send_for(self, errand: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._leave_errand()
        self._errand = self._listener.group.create_task(self._run(errand))

    async def _run(self, errand: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await errand()
        except DormouseError as error:
            request = self._session.request
            self.feed(Refused(refusal_for(error, request.role if request else "")))
        except Exception:
            _logger.exception("An errand failed", extra={"action": "errand_failed", "peer": self._peer})
            self.feed(Refused(refusals.CONTROL_PLANE_FAILED))

    async def _look_up(self, command: LookUp) -> None:
        verifier = await self._listener.directory.verifier(command.endpoint, command.role)
        self.feed(VerifierFound(verifier))

    async def _check_password(self, command: CheckPassword) -> None:
        listener = self._listener
        matches = await self.loop.run_in_executor(
            listener.hasher, check_password, command.verifier, command.password
        )
        self.feed(PasswordChecked(matches))

    def _penalise(self, endpoint: EndpointId, role: str) -> None:
        delay_s = self._listener.penalties.failed(endpoint, role, self.loop.time())
        if delay_s:
            self._set_timer(delay_s, self.feed, PenaltyServed())
        else:
            self.feed(PenaltyServed())

    def _admit(self, command: Locate) -> None:
        """The client is who it says it is: count it where it belongs, if there is room."""
        listener = self._listener
        endpoint = command.target.endpoint
        if self._endpoint is None:
            listener.penalties.succeeded(endpoint, command.role)
            listener.unauthenticated -= 1
            self._endpoint = endpoint
            listener.authenticated[endpoint] += 1
            if listener.authenticated.total() > listener.limits.connections:
                self.feed(Refused(refusals.TOO_MANY_ATTEMPTS))
                return
            if listener.authenticated[endpoint] > listener.limits.connections_per_endpoint:
                self.feed(Refused(refusals.TOO_MANY_TO_ENDPOINT))
                return
        fault = listener.directory.fault(endpoint)
        if fault is not None and fault.denied_until > self.loop.time():
            self.feed(Refused(refusals.DENIED))
            return
        self._send_for(partial(self._locate, command))

    async def _locate(self, command: Locate) -> None:
        self._leave_activity()
        if command.after_s:
            await asyncio.sleep(command.after_s)
        directory = self._listener.directory
        target = command.target
        address = await directory.locate(
            target.endpoint,
            role=command.role,
            verifier=command.verifier,
            database=command.database,
            pooled=target.pooled,
            moment=target.moment,
        )
        # Counted before the first await from here, so that nobody finds the compute idle and stops it.
        self._activity = directory.activity(target.endpoint)
        self._activity.connections += 1
        self._activity.last = self.loop.time()
        if not target.pooled:  # a pooler has a queue of its own
            try:
                await self._listener.queues.enter(address.socket_path)
            except TimeoutError:
                self.feed(Refused(refusals.TOO_MANY_ATTEMPTS))
                return
            self._place = address.socket_path
        self.feed(Located(address))
        # Unless the compute was gone again: then somebody else is on the way.
        if address.confirm is not None and self._errand is asyncio.current_task():
            await address.confirm()
            self.feed(Confirmed())

    def _connect(self, socket_path: str) -> None:
        try:
            self._compute = _ComputeSide(self, socket_path)
        except OSError as error:
            _logger.debug(
                "A compute did not take a connection",
                extra={"action": "connect_failed", "endpoint": self._endpoint, "reason": _reason(error)},
            )
            self.feed(ComputeUnreachable())
            return
        self.feed(ComputeConnected(secrets.token_bytes(_SECRET_BYTES)))

    def _forward_cancel(self, key: BackendKeyData) -> None:
        target = self._listener.registry.find(key)
        _logger.debug(
            "A cancel request", extra={"action": "cancel", "peer": self._peer, "is_known": target is not None}
        )
        if target is None:
            self.feed(ComputeGone())
            return
        try:
            self._compute = _ComputeSide(self, target.socket_path)
        except OSError:
            self.feed(ComputeGone())
            return
        # The compute hangs up when the signal is sent. libpq's PQcancel in turn waits for us to hang up, and
        # counts on the same.
        self._compute.transport.write(CancelRequest(target.key.pid, target.key.secret).encode())

    # The relay.

    def _begin_relay(self, command: RelayCommand) -> None:
        assert self._client is not None
        assert self._compute is not None
        assert self._activity is not None
        self._clear_timer()
        if command.key is not None and command.compute_key is not None:
            self._key = command.key
            self._listener.registry.add(command.key, CancelTarget(command.socket_path, command.compute_key))
        request = self._session.request
        assert request is not None
        _logger.info(
            "A session begins",
            extra={
                "action": "session_begins",
                "peer": self._peer,
                "endpoint": self._endpoint,
                "role": request.role,
                "dropped_parameters": request.dropped,
                "seconds": self.loop.time() - self._accepted_at,
            },
        )
        compute, self._compute = self._compute.transport, None
        self._relay = Relay(
            self._client,
            compute,
            activity=self._activity,
            now=self.loop.time,
            close_client=self._hang_up,
            on_end=self._relay_ended,
        )
        self._relay.start(
            for_client=command.for_client,
            for_compute=command.for_compute,
            write_buffer=self._listener.limits.write_buffer,
        )
        assert self._endpoint is not None
        self._listener.tally.sessions[self._endpoint] += 1
        fault = self._listener.directory.fault(self._endpoint)
        if fault is not None:
            self._impair(self._relay, fault)

    def _impair(self, relay: Relay, fault: Fault) -> None:
        """Let go wrong what is to."""
        if fault.delay_s:
            relay.slow_down(fault.delay_s, self.loop.call_later)
        if (count := fault.take_drop()) is not None:
            relay.cut_after(count)

    def _relay_ended(self, side: Side) -> None:
        if self._activity is not None:  # to leave is activity too
            self._activity.last = self.loop.time()
        _logger.info(
            "A session ended",
            extra={
                "action": "session_ended",
                "peer": self._peer,
                "endpoint": self._endpoint,
                "ended_by": side.value,
                "seconds": self.loop.time() - self._accepted_at,
            },
        )
        self._finish()

    # The end.

    def _close(self, command: Close) -> None:
        self._clear_timer()
        if command.refusal is not None:
            self._log_refusal(command.refusal, command.outcome)
        else:
            _logger.debug(
                "A connection ended before its session",
                extra={"action": "connection_closed", "peer": self._peer, "outcome": command.outcome},
            )
        self._leave_compute()
        self._leave_errand()
        if self._client is not None:
            self._hang_up()
        elif self._socket is not None and command.refusal is not None:
            self._linger()
        else:
            self._finish()

    def _hang_up(self) -> None:
        """Close the client's side when it has the last bytes; connection_lost follows.

        A TLS transport that is closed flushes, says close_notify and waits for the client to say it too. A client
        that is idle says nothing until it wants to use the connection, and would keep us waiting: so whoever has
        acknowledged the last byte is left.
        """
        assert self._client is not None
        if self._client.is_closing():
            return
        self._client.close()
        self._hang_up_by = self.loop.time() + self._listener.limits.farewell_s
        self._set_timer(_FIRST_LOOK_S, self._look_for_last_byte, _FIRST_LOOK_S)

    def _look_for_last_byte(self, waited_s: float) -> None:
        assert self._client is not None
        if not self._client.unsent or self.loop.time() >= self._hang_up_by:
            self._client.abort()
        else:
            self._set_timer(2 * waited_s, self._look_for_last_byte, 2 * waited_s)

    def _finish(self) -> None:
        """Give back what the connection was counted for. Idempotent."""
        if self._is_over:
            return
        self._is_over = True
        self._clear_timer()
        self._leave_errand()
        self._leave_compute()
        self._leave_activity()
        if self._socket is not None:
            self.loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        listener = self._listener
        if self._key is not None:
            listener.registry.remove(self._key)
        if self._endpoint is None:
            listener.unauthenticated -= 1
        else:
            listener.authenticated[self._endpoint] -= 1
            if not listener.authenticated[self._endpoint]:
                del listener.authenticated[self._endpoint]
        listener.forget(self)

    def compute_said(self, data: bytes) -> None:
        """Bytes of the compute, before the relay."""
        self.feed(ComputeData(data))

    def compute_gone(self) -> None:
        """The compute's connection is closed, before the relay."""
        self._compute = None
        self.feed(ComputeGone())

    def _leave_compute(self) -> None:
        if self._compute is not None:
            self._compute.leave()
            self._compute = None

    def _leave_activity(self) -> None:
        if self._activity is not None:
            self._activity.connections -= 1
            self._activity = None
        if self._place is not None:
            self._listener.queues.leave(self._place)
            self._place = None

    def _leave_errand(self) -> None:
        """Cancelled, unless it is the errand itself that brought the end."""
        if self._errand is not None and self._errand is not asyncio.current_task():
            self._errand.cancel()
        self._errand = None

    def _set_timer(self, seconds: float, callback: Callable[..., None], *arguments: Any) -> None:
        """One at a time: each replaces the one before."""
        self._clear_timer()
        self._timer = self.loop.call_later(seconds, callback, *arguments)

    def _clear_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _log_refusal(self, refusal: refusals.Refusal, outcome: str) -> None:
        self._listener.tally.refusals[refusal.sqlstate] += 1
        request = self._session.request
        target = self._session.target
        _logger.info(
            "A connection was refused",
            extra={
                "action": "connection_refused",
                "peer": self._peer,
                "outcome": outcome,
                "endpoint": target.endpoint if target else None,
                "role": request.role if request else None,
                "sqlstate": refusal.sqlstate,
                "reason": refusal.message,
            },
        )


class _ComputeSide(asyncio.Protocol):
    """The connection to a compute until the relay has it."""

    def __init__(self, connection: _Connection, socket_path: str) -> None:
        self._connection: _Connection | None = connection
        self.transport = ComputeTransport(connection.loop, socket_path, self)

    def data_received(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.compute_said(data)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._connection is not None:
            self._connection.compute_gone()

    def leave(self) -> None:
        """Hang up, and hear nothing more of it."""
        self._connection = None
        self.transport.abort()


def _listen(bind: str, port: int, backlog: int) -> list[socket.socket]:
    """Listening sockets for every address that `bind` means, on one port. Raises PortTaken, UserError."""
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            bind, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            if sockets and port == 0:  # the port that the first address got
                address = (address[0], sockets[0].getsockname()[1], *address[2:])
            listening = socket.socket(family, kind, protocol)
            sockets.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
            listening.listen(backlog)
            listening.setblocking(False)
    except OSError as error:
        for listening in sockets:
            listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"{bind}:{port} is in use by another program",
                hint="Stop that program, or choose another port; 0 takes any free one.",
            ) from error
        raise UserError(f"cannot listen on {bind}:{port}: {error.strerror or error}") from error
    return sockets


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, ssl.SSLError) and error.reason else str(error) or type(error).__name__
