"""One client's way from its first byte to a compute, without a socket, a clock or a die.

Events go in, commands come out, and a table says which event is understood in which state:

    session = Session(rules)
    commands = session.handle(ClientData(data))

Two rules.

    1. A session decides; it performs nothing. What needs the world (a verifier, a compute, a second of waiting)
       is a command, and its outcome comes back as an event. There is never more than one such errand under way,
       and the state tells which; but a compute that had to be woken is connected to while it is asked whether the
       password is still the one, and nobody hears of it before.
    2. Nothing about a role leads to a `Locate` before the client has proved that it knows the password. `Locate`
       wakes a compute; everything before it costs memory only.

Bytes of the client that come while an errand is under way are kept, up to a bound, and read afterwards. The life
of a session ends in RELAYING, where bytes are handed on unread by others (`relay.py`), or in CLOSED.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, Final

from dormouse.errors import Invalid
from dormouse.names import EndpointId
from dormouse.proxy import refusals
from dormouse.proxy.directory import Address
from dormouse.proxy.limits import Limits
from dormouse.proxy.refusals import ErrorProfile, Refusal
from dormouse.proxy.routing import Request, Target, read_startup, split_password
from dormouse.wire import scram
from dormouse.wire.messages import (
    AuthenticationCleartextPassword,
    AuthenticationOk,
    AuthenticationSASL,
    AuthenticationSASLContinue,
    AuthenticationSASLFinal,
    BackendKeyData,
    ErrorResponse,
    Message,
    NegotiateProtocolVersion,
    ProtocolViolation,
    ReadyForQuery,
    parse_backend,
    parse_password,
    parse_sasl_initial,
    split,
)
from dormouse.wire.startup import (
    PROTOCOL_3_0,
    PROTOCOL_3_2,
    CancelRequest,
    GSSENCRequest,
    SSLRequest,
    StartupMessage,
    bytes_wanted,
    parse_request,
)

__all__ = [
    "CheckPassword",
    "ClientData",
    "ClientGone",
    "ClientHelloSeen",
    "Close",
    "Command",
    "ComputeConnected",
    "ComputeData",
    "ComputeGone",
    "ComputeUnreachable",
    "Confirmed",
    "Connect",
    "DeadlinePassed",
    "Event",
    "ForwardCancel",
    "LeaveCompute",
    "Locate",
    "Located",
    "LookUp",
    "PasswordChecked",
    "Penalise",
    "PenaltyServed",
    "Refused",
    "Relay",
    "Rules",
    "Send",
    "SendToCompute",
    "Session",
    "SetDeadline",
    "StartTLS",
    "State",
    "Stopping",
    "TLSStarted",
    "VerifierFound",
]


class State(Enum):
    """Where a session stands: what it waits for, and what ends the state."""

    PLAIN = auto()
    """No TLS yet. Ends with an SSLRequest, a direct ClientHello (the shell sees that one), or a refusal."""
    SECURING = auto()
    """TLS is being negotiated; ends when it is, or the client gives up."""
    STARTUP = auto()
    """Waits for the StartupMessage, or a CancelRequest, inside TLS."""
    PASSWORD = auto()
    """Asked for a cleartext password, because no endpoint was named."""
    LOOKING_UP = auto()
    """The directory looks for the role's verifier."""
    SASL_FIRST = auto()
    """Mechanisms are offered; waits for the client's choice."""
    SASL_FINAL = auto()
    """The challenge is sent; waits for the proof."""
    CHECKING = auto()
    """A cleartext password is being hashed elsewhere."""
    PENALTY = auto()
    """The password was wrong; the client is told in a moment."""
    LOCATING = auto()
    """Authenticated. The directory wakes the compute."""
    CONNECTING = auto()
    """The compute is awake and being connected to."""
    COMPUTE_STARTUP = auto()
    """The compute has our StartupMessage; ends with its ReadyForQuery, or its refusal."""
    CONFIRMING = auto()
    """It has answered, and whether the password is still the one is not known yet."""
    RELAYING = auto()
    """Bytes are handed on; the session has nothing more to say."""
    CANCELLING = auto()
    """A CancelRequest is on its way to a compute; the client waits for the connection to close."""
    CLOSED = auto()
    """Over. Every event is ignored."""


# Events.


@dataclass(frozen=True, slots=True)
class ClientData:
    """Bytes of the client, raw or out of TLS."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientHelloSeen:
    """The client begins with TLS itself (`sslnegotiation=direct`): its first byte is 0x16, and was not read."""


@dataclass(frozen=True, slots=True)
class TLSStarted:
    """TLS is up; `server_name` is the SNI, if there was one."""

    server_name: str | None


@dataclass(frozen=True, slots=True)
class ClientGone:
    """The client's connection ended, or its TLS failed."""


@dataclass(frozen=True, slots=True)
class VerifierFound:
    """What the directory has for the role; None if it cannot log in by password."""

    verifier: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """An errand ended in a refusal."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class PasswordChecked:
    """The cleartext password was hashed and compared."""

    matches: bool


@dataclass(frozen=True, slots=True)
class PenaltyServed:
    """The time to hold back the answer is over."""


@dataclass(frozen=True, slots=True)
class Located:
    """The compute is awake. If its address is still to be confirmed, Confirmed or Refused follows."""

    address: Address


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The role's password is still the one that was checked."""


@dataclass(frozen=True, slots=True)
class ComputeConnected:
    """A connection to the compute is open. `secret` is chance for the client's cancel key, 32 bytes."""

    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ComputeUnreachable:
    """The compute's socket refused."""


@dataclass(frozen=True, slots=True)
class ComputeData:
    """Bytes of the compute."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ComputeGone:
    """The compute's connection ended, or the CancelRequest was taken."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The time set by the last SetDeadline is over."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """The listener stops."""


Event = (
    ClientData
    | ClientHelloSeen
    | TLSStarted
    | ClientGone
    | VerifierFound
    | Refused
    | PasswordChecked
    | PenaltyServed
    | Located
    | Confirmed
    | ComputeConnected
    | ComputeUnreachable
    | ComputeData
    | ComputeGone
    | DeadlinePassed
    | Stopping
)


# Commands.


@dataclass(frozen=True, slots=True)
class Send:
    """To the client."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StartTLS:
    """Negotiate TLS; TLSStarted or ClientGone follows."""


@dataclass(frozen=True, slots=True)
class SetDeadline:
    """From now; it replaces the one before. DeadlinePassed follows, unless the session relays or closes first."""

    seconds: float


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask for the role's verifier; VerifierFound or Refused follows."""

    endpoint: EndpointId
    role: str


@dataclass(frozen=True, slots=True)
class CheckPassword:
    """Hash a password, off the loop; PasswordChecked follows."""

    verifier: scram.Verifier
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Penalise:
    """A wrong password: PenaltyServed follows when the client may know."""

    endpoint: EndpointId
    role: str


@dataclass(frozen=True, slots=True)
class Locate:
    """Wake the compute for an authenticated role, after a pause; Located or Refused follows."""

    target: Target
    role: str
    verifier: str = field(repr=False)
    database: str
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Connect:
    """Open the compute's socket; ComputeConnected or ComputeUnreachable follows."""

    socket_path: str


@dataclass(frozen=True, slots=True)
class SendToCompute:
    """To the compute."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LeaveCompute:
    """Drop the connection to the compute; no event follows."""


@dataclass(frozen=True, slots=True)
class ForwardCancel:
    """Pass a CancelRequest to whom it concerns; ComputeGone follows, at once if nobody knows the key."""

    key: BackendKeyData


@dataclass(frozen=True, slots=True)
class Relay:
    """The session is up: hand bytes on, these first. `key` is the client's, `compute_key` the real one."""

    key: BackendKeyData | None
    compute_key: BackendKeyData | None
    socket_path: str
    for_client: bytes = field(default=b"", repr=False)
    for_compute: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Close:
    """Flush and close. `outcome` is one word for the log."""

    outcome: str
    refusal: Refusal | None = None


Command = (
    Send
    | StartTLS
    | SetDeadline
    | LookUp
    | CheckPassword
    | Penalise
    | Locate
    | Connect
    | SendToCompute
    | LeaveCompute
    | ForwardCancel
    | Relay
    | Close
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What all sessions of a listener share."""

    host_suffix: str
    certificate_hash: bytes
    """What SCRAM-SHA-256-PLUS binds to: SHA-256 of the certificate (RFC 5929, tls-server-end-point)."""
    mock_secret: bytes = field(repr=False)
    """Makes the salts of roles that do not exist; secret, and the same after a restart."""
    random_bytes: Callable[[int], bytes]
    """Chance: `secrets.token_bytes`."""
    errors: ErrorProfile = "postgres"
    limits: Limits = field(default_factory=Limits)
    compute_of: Callable[[str, str], EndpointId | None] = lambda _branch, _kind: None
    """The compute of a branch that is `read_only` or `read_write`; None if it has none."""


_MECHANISMS: Final = (scram.MECHANISM_PLUS, scram.MECHANISM)
_NONCE_BYTES: Final = 18  # as many as Postgres draws
_SECRET: Final = 4  # bytes of a cancel key's, up to protocol 3.1
_LONG_SECRET: Final = 32  # and later: as many as Postgres draws

# The compute is stopping, starting or recovering: it goes to sleep just now, and another wake will do.
_CANNOT_CONNECT_NOW: Final = "57P03"
# Who just left may still be on the way out, and then its place is not yet free.
_TOO_MANY_CONNECTIONS: Final = "53300"
_PASSING: Final = (_CANNOT_CONNECT_NOW, _TOO_MANY_CONNECTIONS)


class Session:
    """The state machine. `handle()` applies `_TABLE`; a handler sets the next state and returns the commands."""

    def __init__(self, rules: Rules) -> None:
        self.state = State.PLAIN
        self.request: Request | None = None
        self.target: Target | None = None
        self._rules = rules
        self._server_name: str | None = None
        self._from_client = b""
        self._from_compute = b""
        self._for_client: list[bytes] = []
        self._seen_requests: set[type] = set()
        self._password = ""
        self._verifier_text: str | None = None
        self._verifier: scram.Verifier | None = None
        self._exchange: scram.Exchange | None = None
        self._address: Address | None = None
        self._is_confirmed = False
        self._answer: Message | None = None
        """The compute's, that waits to be confirmed: a ReadyForQuery, or an ErrorResponse."""
        self._attempts = 0
        self._secret = b""
        self._secret_bytes = _SECRET
        self._key: BackendKeyData | None = None
        self._compute_key: BackendKeyData | None = None

    @property
    def bytes_wanted(self) -> int:
        """How many raw bytes the shell may read in PLAIN: one more may belong to TLS already."""
        return bytes_wanted(self._from_client, self._rules.limits.startup_packet)

    def start(self) -> list[Command]:
        """The first commands of a new connection."""
        return [SetDeadline(self._rules.limits.handshake_s)]

    def handle(self, event: Event) -> list[Command]:
        """What follows from `event`. One that the state does not know is a fault of the shell: RuntimeError."""
        if self.state in (State.CLOSED, State.RELAYING):
            return []
        handler = _TABLE.get((self.state, type(event))) or _ALWAYS.get(type(event))
        if handler is None:
            raise RuntimeError(f"{type(event).__name__} does not belong in state {self.state.name}")
        try:
            return handler(self, event)
        except ProtocolViolation as violation:
            return self._refuse(refusals.refusal_for(violation))

    # Before TLS.

    def _on_plain_data(self, event: ClientData) -> list[Command]:
        self._from_client += event.data
        parsed = parse_request(self._from_client, self._rules.limits.startup_packet)
        if parsed is None:
            return []
        request, self._from_client = parsed
        if self._from_client:
            raise ProtocolViolation("received unencrypted data after SSL request")
        match request:
            case SSLRequest():
                self._only_once(request)
                self.state = State.SECURING
                return [Send(b"S"), StartTLS()]
            case GSSENCRequest():
                self._only_once(request)
                return [Send(b"N")]
            case CancelRequest():
                return self._cancel(request)
            case StartupMessage():
                return self._refuse(refusals.INSECURE)

    def _on_client_hello(self, _event: ClientHelloSeen) -> list[Command]:
        self.state = State.SECURING
        return [StartTLS()]

    def _on_tls(self, event: TLSStarted) -> list[Command]:
        self._server_name = event.server_name
        self.state = State.STARTUP
        return []

    # The startup packet.

    def _on_startup_data(self, event: ClientData) -> list[Command]:
        self._from_client += event.data
        parsed = parse_request(self._from_client, self._rules.limits.startup_packet)
        if parsed is None:
            return []
        packet, self._from_client = parsed
        match packet:
            case CancelRequest():
                return self._cancel(packet)
            case SSLRequest() | GSSENCRequest():
                raise ProtocolViolation("encryption is negotiated already")
            case StartupMessage():
                return self._start_up(packet)

    def _start_up(self, packet: StartupMessage) -> list[Command]:
        request = read_startup(packet.parameters, self._server_name, self._rules.host_suffix)
        if isinstance(request, Refusal):
            return self._refuse(request)
        self.request, self.target = request, request.target
        if self.target is not None and self.target.kind:
            found = self._rules.compute_of(self.target.endpoint, self.target.kind)
            # What is not found is refused where every endpoint that is not there is.
            self.target = replace(self.target, endpoint=found or self.target.endpoint)
        commands: list[Command] = [SetDeadline(self._rules.limits.authentication_s)]
        unknown = tuple(name for name in packet.parameters if name.startswith("_pq_."))
        version = PROTOCOL_3_2 if packet.minor >= PROTOCOL_3_2 - PROTOCOL_3_0 else PROTOCOL_3_0
        self._secret_bytes = _LONG_SECRET if version == PROTOCOL_3_2 else _SECRET
        if PROTOCOL_3_0 + packet.minor != version or unknown:
            commands.append(Send(NegotiateProtocolVersion(version, unknown).encode()))
        if self.target is None:
            self.state = State.PASSWORD
            return [*commands, Send(AuthenticationCleartextPassword().encode())]
        return commands + self._look_up(self.target)

    def _look_up(self, target: Target) -> list[Command]:
        self.state = State.LOOKING_UP
        return [LookUp(target.endpoint, self._role)]

    # Authentication.

    def _on_password(self, event: ClientData) -> list[Command]:
        message = self._next_from_client(event, self._rules.limits.password_message)
        if message is None:
            return []
        named = split_password(parse_password(message.body).password)
        if isinstance(named, Refusal):
            return self._refuse(named)
        self.target, self._password = named
        return self._look_up(self.target)

    def _on_verifier(self, event: VerifierFound) -> list[Command]:
        assert self.target is not None
        try:
            self._verifier = None if event.verifier is None else scram.parse_verifier(event.verifier)
        except Invalid:  # an MD5 hash of old, or an expired one: no password fits
            self._verifier = None
        if self._verifier is None:
            self._verifier = scram.mock_verifier(self._rules.mock_secret, f"{self.target.endpoint}/{self._role}")
        else:
            self._verifier_text = event.verifier
        if self.request is not None and self.request.target is None:
            password, self._password = self._password, ""
            self.state = State.CHECKING
            return [CheckPassword(self._verifier, password)]
        self.state = State.SASL_FIRST
        return [Send(AuthenticationSASL(_MECHANISMS).encode()), *self._read_again()]

    def _on_sasl_first(self, event: ClientData) -> list[Command]:
        message = self._next_from_client(event, self._rules.limits.sasl_message)
        if message is None:
            return []
        initial = parse_sasl_initial(message.body)
        if initial.mechanism not in _MECHANISMS:
            raise ProtocolViolation("client selected an invalid SASL authentication mechanism")
        assert self._verifier is not None
        self._exchange = scram.begin(
            initial.data,
            mechanism=initial.mechanism,
            verifier=self._verifier,
            nonce=b64encode(self._rules.random_bytes(_NONCE_BYTES)),
            certificate_hash=self._rules.certificate_hash,
        )
        self.state = State.SASL_FINAL
        return [Send(AuthenticationSASLContinue(self._exchange.server_first).encode()), *self._read_again()]

    def _on_sasl_final(self, event: ClientData) -> list[Command]:
        message = self._next_from_client(event, self._rules.limits.sasl_message)
        if message is None:
            return []
        assert self._exchange is not None
        outcome = scram.finish(self._exchange, message.body)
        self._exchange = None
        if outcome is None or self._verifier_text is None:
            return self._penalise()
        return self._welcome(AuthenticationSASLFinal(outcome).encode())

    def _on_password_checked(self, event: PasswordChecked) -> list[Command]:
        if not event.matches or self._verifier_text is None:
            return self._penalise()
        return self._welcome(b"")

    def _penalise(self) -> list[Command]:
        assert self.target is not None
        self.state = State.PENALTY
        return [Penalise(self.target.endpoint, self._role)]

    def _on_penalty_served(self, _event: PenaltyServed) -> list[Command]:
        return self._refuse(refusals.wrong_password(self._role))

    def _welcome(self, proof: bytes) -> list[Command]:
        """Authenticated: one packet says so, and the compute is woken meanwhile."""
        return [
            Send(proof + AuthenticationOk().encode()),
            SetDeadline(self._rules.limits.wake_s),
            self._locate(),
        ]

    # The compute.

    def _locate(self) -> Locate:
        assert self.target is not None
        assert self._verifier_text is not None
        limits = self._rules.limits
        after_s = limits.wake_retry_s * 2.0 ** (self._attempts - 1) if self._attempts else 0.0
        self._attempts += 1
        self._answer = None
        self.state = State.LOCATING
        assert self.request is not None
        # As the server has it: who names no database means the one that is called as the role.
        database = self.request.parameters.get("database", self._role)
        return Locate(self.target, self._role, self._verifier_text, database, after_s)

    def _on_located(self, event: Located) -> list[Command]:
        self._address = event.address
        self._is_confirmed = event.address.confirm is None
        self.state = State.CONNECTING
        return [Connect(event.address.socket_path)]

    def _on_connected(self, event: ComputeConnected) -> list[Command]:
        assert self.request is not None
        self._secret = event.secret[: self._secret_bytes]
        self._from_compute = b""
        self._for_client = []
        self.state = State.COMPUTE_STARTUP
        return [SendToCompute(StartupMessage(self.request.parameters).encode())]

    def _on_compute_lost(self, _event: ComputeUnreachable | ComputeGone) -> list[Command]:
        """The socket refused, or the compute hung up without a word: it may have gone to sleep just now."""
        if self._attempts < self._rules.limits.wake_attempts:
            return [LeaveCompute(), self._locate()]
        return self._refuse(refusals.COMPUTE_UNREACHABLE)

    def _on_compute_data(self, event: ComputeData) -> list[Command]:
        """What the compute says is kept until it is ready: one packet for the client, and no trace of a retry."""
        self._from_compute += event.data
        while (cut := split(self._from_compute, self._rules.limits.compute_message)) is not None:
            message, self._from_compute = cut
            match parse_backend(message) if message.kind in b"RKZE" else message:
                case AuthenticationOk():
                    pass  # the client has ours
                case BackendKeyData() as key:
                    self._compute_key = key
                    self._key = BackendKeyData(key.pid, self._secret)
                    self._for_client.append(self._key.encode())
                case ErrorResponse(fields) if self._is_passing(fields):
                    return [LeaveCompute(), self._locate()]
                case ErrorResponse() | ReadyForQuery():
                    return self._answered(message)
                case _ if message.kind == b"R":  # it asks for a password, and we have none
                    return self._refuse(refusals.COMPUTE_UNREACHABLE)
                case _:
                    self._for_client.append(message.encode())
        return []

    def _is_passing(self, fields: Mapping[str, str]) -> bool:
        return fields.get("C", "") in _PASSING and self._attempts < self._rules.limits.wake_attempts

    def _answered(self, message: Message) -> list[Command]:
        if not self._is_confirmed:
            self._answer = message
            self.state = State.CONFIRMING
            return []
        match parse_backend(message):
            case ErrorResponse(fields):
                return self._compute_refused(fields)
            case _:
                return self._ready(message)

    def _on_confirmed(self, _event: Confirmed) -> list[Command]:
        self._is_confirmed = True
        answer, self._answer = self._answer, None
        return [] if answer is None else self._answered(answer)

    def _on_data_behind_answer(self, event: ComputeData) -> list[Command]:
        self._from_compute += event.data
        return []

    def _on_gone_behind_answer(self, event: ComputeGone) -> list[Command]:
        """Whoever refused hangs up."""
        if self._answer is not None and self._answer.kind == b"E":
            return []
        return self._on_compute_lost(event)

    def _compute_refused(self, fields: Mapping[str, str]) -> list[Command]:
        assert self.target is not None
        said = refusals.passed_on(fields, self._rules.errors, pooled=self.target.pooled)
        self._forget()
        self.state = State.CLOSED
        return [
            Send(b"".join(self._for_client) + said),
            Close("refused_by_compute", Refusal(fields.get("C", ""), fields.get("M", ""))),
        ]

    def _ready(self, ready: Message) -> list[Command]:
        assert self._address is not None
        if self._address.notice:
            self._for_client.append(refusals.notice(self._address.notice))
        relay = Relay(
            self._key,
            self._compute_key,
            self._address.socket_path,
            for_client=b"".join((*self._for_client, ready.encode(), self._from_compute)),
            for_compute=self._from_client,
        )
        self._forget()
        self.state = State.RELAYING
        return [relay]

    # Cancelling.

    def _cancel(self, request: CancelRequest) -> list[Command]:
        """Needs no endpoint and no password: the key is the proof (manual, 53.2.8). There is never a reply."""
        self.state = State.CANCELLING
        key = BackendKeyData(request.pid, request.secret)
        return [SetDeadline(self._rules.limits.cancel_s), ForwardCancel(key)]

    # What may happen at any time.

    def _on_early_data(self, event: ClientData) -> list[Command]:
        """Bytes while an errand is under way: kept for the state that reads them."""
        self._from_client += event.data
        if len(self._from_client) > self._rules.limits.early_data:
            raise ProtocolViolation("too much data before ReadyForQuery")
        return []

    def _on_client_gone(self, _event: ClientGone) -> list[Command]:
        return self._close("client_gone")

    def _on_cancelled(self, _event: ComputeGone) -> list[Command]:
        return self._close("cancelled")

    def _on_refused(self, event: Refused) -> list[Command]:
        return self._refuse(event.refusal)

    def _on_deadline(self, _event: DeadlinePassed) -> list[Command]:
        match self.state:
            case State.PLAIN | State.SECURING | State.STARTUP:
                return self._close("handshake_timed_out")
            case State.LOCATING | State.CONNECTING | State.COMPUTE_STARTUP | State.CONFIRMING:
                return self._refuse(refusals.COMPUTE_UNREACHABLE)
            case State.CANCELLING:
                return self._close("cancel_timed_out")
            case _:
                return self._refuse(refusals.AUTHENTICATION_TIMED_OUT)

    def _on_stopping(self, _event: Stopping) -> list[Command]:
        if self.state in (State.PLAIN, State.SECURING, State.CANCELLING):
            return self._close("stopping")
        return self._refuse(refusals.STOPPING)

    def _refuse(self, refusal: Refusal) -> list[Command]:
        self.state = State.CLOSED
        self._forget()
        return [Send(refusal.encode(self._rules.errors)), Close("refused", refusal)]

    def _close(self, outcome: str) -> list[Command]:
        self.state = State.CLOSED
        self._forget()
        return [Close(outcome)]

    def _forget(self) -> None:
        """A closed session may live until its last bytes are flushed: without anything secret."""
        self._password, self._from_client = "", b""
        self._exchange = self._verifier = self._verifier_text = None

    # Small things.

    @property
    def _role(self) -> str:
        assert self.request is not None
        return self.request.role

    def _only_once(self, request: SSLRequest | GSSENCRequest) -> None:
        if type(request) in self._seen_requests:
            raise ProtocolViolation("encryption was asked for twice")
        self._seen_requests.add(type(request))

    def _next_from_client(self, event: ClientData, limit: int) -> Message | None:
        """The next authentication message, of at most `limit` bytes."""
        self._from_client += event.data
        cut = split(self._from_client, limit)
        if cut is None:
            return None
        message, self._from_client = cut
        if message.kind != b"p":
            raise ProtocolViolation(f"expected an authentication response, got message type {message.kind[0]}")
        return message

    def _read_again(self) -> list[Command]:
        """What the client sent ahead of the state that reads it."""
        return self.handle(ClientData(b"")) if self._from_client else []


_Handler = Callable[[Session, Any], list[Command]]

_TABLE: Final[dict[tuple[State, type], _Handler]] = {
    (State.PLAIN, ClientData): Session._on_plain_data,
    (State.PLAIN, ClientHelloSeen): Session._on_client_hello,
    (State.SECURING, TLSStarted): Session._on_tls,
    (State.STARTUP, ClientData): Session._on_startup_data,
    (State.PASSWORD, ClientData): Session._on_password,
    (State.LOOKING_UP, ClientData): Session._on_early_data,
    (State.LOOKING_UP, VerifierFound): Session._on_verifier,
    (State.LOOKING_UP, Refused): Session._on_refused,
    (State.SASL_FIRST, ClientData): Session._on_sasl_first,
    (State.SASL_FINAL, ClientData): Session._on_sasl_final,
    (State.CHECKING, ClientData): Session._on_early_data,
    (State.CHECKING, PasswordChecked): Session._on_password_checked,
    (State.PENALTY, ClientData): Session._on_early_data,
    (State.PENALTY, PenaltyServed): Session._on_penalty_served,
    (State.LOCATING, ClientData): Session._on_early_data,
    (State.LOCATING, Located): Session._on_located,
    (State.LOCATING, Refused): Session._on_refused,
    (State.CONNECTING, ClientData): Session._on_early_data,
    (State.CONNECTING, ComputeConnected): Session._on_connected,
    (State.CONNECTING, ComputeUnreachable): Session._on_compute_lost,
    (State.COMPUTE_STARTUP, ClientData): Session._on_early_data,
    (State.COMPUTE_STARTUP, ComputeData): Session._on_compute_data,
    (State.COMPUTE_STARTUP, ComputeGone): Session._on_compute_lost,
    (State.COMPUTE_STARTUP, Confirmed): Session._on_confirmed,
    (State.COMPUTE_STARTUP, Refused): Session._on_refused,
    (State.CONFIRMING, ClientData): Session._on_early_data,
    (State.CONFIRMING, ComputeData): Session._on_data_behind_answer,
    (State.CONFIRMING, ComputeGone): Session._on_gone_behind_answer,
    (State.CONFIRMING, Confirmed): Session._on_confirmed,
    (State.CONFIRMING, Refused): Session._on_refused,
    (State.CANCELLING, ClientData): Session._on_early_data,
    (State.CANCELLING, ComputeGone): Session._on_cancelled,
}

_ALWAYS: Final[dict[type, _Handler]] = {
    ClientGone: Session._on_client_gone,
    DeadlinePassed: Session._on_deadline,
    Stopping: Session._on_stopping,
}
