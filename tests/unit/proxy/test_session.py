"""Scripts of sessions: what comes in, and what must come out, in order."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dormouse.proxy import refusals
from dormouse.proxy.directory import Address
from dormouse.proxy.limits import Limits
from dormouse.proxy.refusals import Refusal, notice
from dormouse.proxy.routing import Target
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
    Relay,
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
from dormouse.wire import scram
from dormouse.wire.messages import (
    AuthenticationCleartextPassword,
    AuthenticationOk,
    AuthenticationSASL,
    BackendKeyData,
    ErrorResponse,
    Message,
    NegotiateProtocolVersion,
    NoticeResponse,
    ParameterStatus,
    PasswordMessage,
    ReadyForQuery,
    SASLInitialResponse,
    SASLResponse,
)
from dormouse.wire.startup import CancelRequest, GSSENCRequest, SSLRequest, StartupMessage
from fix_openings import SOCKET, WOKEN

EP = "ep-calm-hill-a5x6y7z8"
SUFFIX = "dormouse.localhost"
HOST = f"{EP}.{SUFFIX}"
TARGET = Target(EP)  # type: ignore[arg-type]
ROLE = "owner"
DATABASE = "neondb"
PASSWORD = "pencil"
SALT = bytes(16)
VERIFIER = scram.build_verifier(PASSWORD, SALT)
HASH = hashlib.sha256(b"certificate").digest()
LIMITS = Limits()
RULES = Rules(host_suffix=SUFFIX, certificate_hash=HASH, mock_secret=b"secret", random_bytes=bytes)
STARTUP = StartupMessage({"user": ROLE, "database": "neondb"})
ADDRESS = Address(socket_path=SOCKET)
OFFER = AuthenticationSASL(("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")).encode()
OK = AuthenticationOk().encode()
READY = ReadyForQuery().encode()
LOCATE = Locate(TARGET, ROLE, VERIFIER, DATABASE)


@dataclass
class Scram:
    """An honest client's side, written from RFC 5802."""

    password: str = PASSWORD
    mechanism: str = "SCRAM-SHA-256-PLUS"

    @property
    def header(self) -> bytes:
        return b"p=tls-server-end-point,," if self.mechanism.endswith("PLUS") else b"n,,"

    def first(self) -> bytes:
        return SASLInitialResponse(self.mechanism, self.header + b"n=,r=abc").encode()

    def final(self, challenge: bytes) -> bytes:
        server_first = challenge[9:]  # after kind, length and code
        fields = dict(part.split(b"=", 1) for part in server_first.split(b","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", self.password.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"])
        )
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        binding = base64.b64encode(self.header + (HASH if self.header[:1] == b"p" else b""))
        bare = b"c=" + binding + b",r=" + fields[b"r"]
        signature = hmac.digest(
            hashlib.sha256(client_key).digest(), b"n=,r=abc," + server_first + b"," + bare, "sha256"
        )
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return SASLResponse(bare + b",p=" + base64.b64encode(proof)).encode()


class Play:
    """A session on stage."""

    def __init__(self, **rules: Any) -> None:
        self.session = Session(replace(RULES, **rules))

    def __call__(self, event: Event | bytes) -> list[Command]:
        """What follows; bytes are the client's."""
        return self.session.handle(ClientData(event) if isinstance(event, bytes) else event)

    # The way to the interesting places.

    def to_startup(self, server_name: str | None = HOST) -> "Play":
        self(SSLRequest().encode())
        self(TLSStarted(server_name))
        return self

    def to_lookup(self) -> "Play":
        self.to_startup()
        self(STARTUP.encode())
        return self

    def to_sasl_first(self, verifier: str | None = VERIFIER) -> "Play":
        self.to_lookup()
        self(VerifierFound(verifier))
        return self

    def log_in(self, client: Scram) -> list[Command]:
        [challenge] = self(client.first())
        assert isinstance(challenge, Send)
        return self(client.final(challenge.data))

    def to_locating(self) -> "Play":
        self.to_sasl_first()
        self.log_in(Scram())
        return self

    def to_compute_startup(self, address: Address = ADDRESS) -> "Play":
        self.to_locating()
        self(Located(address))
        self(ComputeConnected(b"ours" + bytes(28)))
        return self

    def to(self, state: State) -> "Play":
        """Whatever leads to `state`."""
        ways: dict[State, Callable[[], Any]] = {
            State.PLAIN: lambda: None,
            State.SECURING: lambda: self(ClientHelloSeen()),
            State.STARTUP: self.to_startup,
            State.PASSWORD: lambda: self.to_startup(None)(STARTUP.encode()),
            State.LOOKING_UP: self.to_lookup,
            State.SASL_FIRST: self.to_sasl_first,
            State.SASL_FINAL: lambda: self.to_sasl_first()(Scram().first()),
            State.CHECKING: lambda: [
                self.to_startup(None)(STARTUP.encode()),
                self(PasswordMessage(f"endpoint={EP};{PASSWORD}").encode()),
                self(VerifierFound(VERIFIER)),
            ],
            State.PENALTY: lambda: self.to_sasl_first().log_in(Scram("wrong")),
            State.LOCATING: self.to_locating,
            State.CONNECTING: lambda: self.to_locating()(Located(ADDRESS)),
            State.COMPUTE_STARTUP: self.to_compute_startup,
            State.CONFIRMING: lambda: self.to_compute_startup(WOKEN)(ComputeData(OK + READY)),
            State.RELAYING: lambda: self.to_compute_startup()(ComputeData(OK + READY)),
            State.CANCELLING: lambda: self(CancelRequest(1, b"1234").encode()),
            State.CLOSED: lambda: self(ClientGone()),
        }
        ways[state]()
        assert self.session.state is state
        return self


@pytest.fixture
def play() -> Play:
    return Play()


def says(refusal: Refusal, outcome: str = "refused") -> list[Command]:
    return [Send(refusal.encode("postgres")), Close(outcome, refusal)]


def test_a_whole_session(play: Play) -> None:
    client = Scram()
    compute_key = BackendKeyData(42, b"real")

    assert play.session.start() == [SetDeadline(15.0)]
    assert play(SSLRequest().encode()) == [Send(b"S"), StartTLS()]
    assert play(TLSStarted(HOST)) == []
    assert play(STARTUP.encode()) == [SetDeadline(15.0), LookUp(TARGET.endpoint, ROLE)]
    assert play(VerifierFound(VERIFIER)) == [Send(OFFER)]
    [challenge] = play(client.first())
    assert isinstance(challenge, Send)
    [welcome, deadline, locate] = play(client.final(challenge.data))
    assert isinstance(welcome, Send)
    assert welcome.data.startswith(b"R")
    assert welcome.data.endswith(OK)
    assert (deadline, locate) == (SetDeadline(60.0), LOCATE)
    assert play(Located(ADDRESS)) == [Connect(SOCKET)]
    assert play(ComputeConnected(b"ours" + bytes(28))) == [
        SendToCompute(StartupMessage({"user": ROLE, "database": "neondb", "client_encoding": "UTF8"}).encode())
    ]
    setting = ParameterStatus("TimeZone", "UTC").encode()
    assert play(ComputeData(OK + setting + compute_key.encode())) == []
    assert play(ComputeData(READY)) == [
        Relay(
            BackendKeyData(42, b"ours"),
            compute_key,
            SOCKET,
            for_client=setting + BackendKeyData(42, b"ours").encode() + READY,
        )
    ]
    assert play.session.state is State.RELAYING


def test_one_byte_at_a_time_gives_the_same(play: Play) -> None:
    """Nothing depends on how the network cuts what a client sends."""

    def drip(data: bytes) -> list[Command]:
        commands: list[Command] = []
        for byte in data:
            assert commands == []
            commands = play(bytes([byte]))
        return commands

    assert drip(SSLRequest().encode()) == [Send(b"S"), StartTLS()]
    play(TLSStarted(HOST))
    assert drip(STARTUP.encode()) == [SetDeadline(15.0), LookUp(TARGET.endpoint, ROLE)]
    play(VerifierFound(VERIFIER))
    [challenge] = drip(Scram().first())
    assert isinstance(challenge, Send)
    assert drip(Scram().final(challenge.data))[-1] == LOCATE


# Before TLS.


def test_gss_encryption_is_declined_and_tls_follows(play: Play) -> None:
    assert play(GSSENCRequest().encode()) == [Send(b"N")]
    assert play(SSLRequest().encode()) == [Send(b"S"), StartTLS()]


def test_direct_tls(play: Play) -> None:
    assert play(ClientHelloSeen()) == [StartTLS()]


def test_a_client_without_tls_is_told_how(play: Play) -> None:
    assert play(STARTUP.encode()) == says(refusals.INSECURE)


def test_encryption_is_not_asked_for_twice(play: Play) -> None:
    play(GSSENCRequest().encode())

    assert play(GSSENCRequest().encode()) == says(Refusal("08P01", "encryption was asked for twice"))


def test_encryption_is_not_asked_for_inside_tls(play: Play) -> None:
    play.to_startup()

    assert play(SSLRequest().encode()) == says(Refusal("08P01", "encryption is negotiated already"))


def test_bytes_after_an_sslrequest_are_an_attack(play: Play) -> None:
    [_, close] = play(SSLRequest().encode() + b"x")

    assert isinstance(close, Close)
    assert close.refusal == Refusal("08P01", "received unencrypted data after SSL request")


def test_an_endless_startup_packet_is_refused_by_its_length(play: Play) -> None:
    assert play((10_001).to_bytes(4, "big")) == says(Refusal("08P01", "invalid length of startup packet"))


def test_the_shell_is_told_how_far_to_read(play: Play) -> None:
    assert play.session.bytes_wanted == 8
    play(STARTUP.encode()[:8])
    assert play.session.bytes_wanted == len(STARTUP.encode()) - 8


# The startup packet.


@pytest.mark.parametrize(
    ("minor", "extension", "answered", "secret_bytes"),
    [
        (0, False, None, 4),
        (0, True, 0x30000, 4),
        (1, False, 0x30000, 4),
        (2, False, None, 32),
        (2, True, 0x30002, 32),
        (9999, False, 0x30002, 32),
    ],
)
def test_the_protocol_is_negotiated(
    play: Play, minor: int, extension: bool, answered: int | None, secret_bytes: int
) -> None:
    """And what follows from it: how long the secret of a cancel key is."""
    parameters = {"user": ROLE, "database": "neondb"} | ({"_pq_.new": "1"} if extension else {})
    play.to_startup()

    commands = play(StartupMessage(parameters, minor=minor).encode())

    unknown = ("_pq_.new",) if extension else ()
    told = [] if answered is None else [Send(NegotiateProtocolVersion(answered, unknown).encode())]
    assert commands == [SetDeadline(15.0), *told, LookUp(TARGET.endpoint, ROLE)]
    play(VerifierFound(VERIFIER))
    play.log_in(Scram())
    play(Located(ADDRESS))
    play(ComputeConnected(bytes(range(32))))
    [relay] = play(ComputeData(OK + BackendKeyData(42, b"real").encode() + READY))
    assert isinstance(relay, Relay)
    assert relay.key == BackendKeyData(42, bytes(range(secret_bytes)))


def test_another_major_version_is_refused(play: Play) -> None:
    play.to_startup()

    [_, close] = play(bytes.fromhex("00000008 00020000"))

    assert isinstance(close, Close)
    assert close.refusal is not None
    assert close.refusal.sqlstate == "0A000"


def test_a_missing_user(play: Play) -> None:
    play.to_startup()

    assert play(StartupMessage({"database": "x"}).encode()) == says(refusals.USER_MISSING)


def test_an_endpoint_that_does_not_exist(play: Play) -> None:
    play.to_lookup()

    assert play(Refused(refusals.ENDPOINT_NOT_FOUND)) == says(refusals.ENDPOINT_NOT_FOUND)


# Passwords.


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_both_mechanisms_lead_to_the_compute(play: Play, mechanism: str) -> None:
    play.to_sasl_first()

    assert play.log_in(Scram(mechanism=mechanism))[-1] == LOCATE


def test_a_wrong_password_wakes_nothing(play: Play) -> None:
    play.to_sasl_first()

    assert play.log_in(Scram("wrong")) == [Penalise(TARGET.endpoint, ROLE)]
    assert play(PenaltyServed()) == says(refusals.wrong_password(ROLE))


@pytest.mark.parametrize("verifier", [None, "md5c3fcd3d76192e4007dfb496cca67e13b", ""])
def test_a_role_without_password_looks_like_a_wrong_one(play: Play, verifier: str | None) -> None:
    play.to_sasl_first(verifier)

    assert play.log_in(Scram()) == [Penalise(TARGET.endpoint, ROLE)]
    assert play(PenaltyServed()) == says(refusals.wrong_password(ROLE))


def test_an_unknown_role_gets_the_same_salt_every_time() -> None:
    challenges = [Play().to_sasl_first(None)(Scram().first()) for _ in range(2)]

    assert challenges[0] == challenges[1]


def test_an_unknown_mechanism(play: Play) -> None:
    play.to_sasl_first()

    [_, close] = play(SASLInitialResponse("PLAIN", b"\0a\0b").encode())

    assert isinstance(close, Close)
    assert close.refusal == Refusal("08P01", "client selected an invalid SASL authentication mechanism")


@pytest.mark.parametrize("state", [State.PASSWORD, State.SASL_FIRST, State.SASL_FINAL])
def test_a_message_that_is_no_answer(state: State) -> None:
    [_, close] = Play().to(state)(Message(b"Q", b"select 1\0").encode())

    assert isinstance(close, Close)
    assert close.refusal == Refusal("08P01", "expected an authentication response, got message type 81")


@pytest.mark.parametrize(
    ("state", "limit"),
    [(State.PASSWORD, 512), (State.SASL_FIRST, 1024), (State.SASL_FINAL, 1024)],
)
def test_a_long_answer_is_refused_by_its_header(state: State, limit: int) -> None:
    [_, close] = Play().to(state)(b"p" + (limit + 5).to_bytes(4, "big"))

    assert isinstance(close, Close)
    assert close.refusal is not None
    assert close.refusal.sqlstate == "08P01"


def test_a_client_that_answers_before_it_is_asked_is_heard_in_time(play: Play) -> None:
    play.to_lookup()
    assert play(Scram().first()) == []

    [offer, challenge] = play(VerifierFound(VERIFIER))

    assert offer == Send(OFFER)
    assert isinstance(challenge, Send)


# The endpoint before the password.


def test_the_cleartext_fallback(play: Play) -> None:
    play.to_startup(None)

    assert play(STARTUP.encode()) == [SetDeadline(15.0), Send(AuthenticationCleartextPassword().encode())]
    assert play(PasswordMessage(f"endpoint={EP};pencil").encode()) == [LookUp(TARGET.endpoint, ROLE)]
    assert play(VerifierFound(VERIFIER)) == [CheckPassword(scram.parse_verifier(VERIFIER), PASSWORD)]
    assert play(PasswordChecked(matches=True)) == [Send(OK), SetDeadline(60.0), LOCATE]


def test_a_wrong_cleartext_password_wakes_nothing(play: Play) -> None:
    play.to(State.CHECKING)

    assert play(PasswordChecked(matches=False)) == [Penalise(TARGET.endpoint, ROLE)]


def test_an_unknown_role_costs_as_much_as_a_known_one(play: Play) -> None:
    play.to_startup(None)
    play(STARTUP.encode())
    play(PasswordMessage(f"endpoint={EP};pencil").encode())

    [check] = play(VerifierFound(None))

    assert isinstance(check, CheckPassword)
    assert play(PasswordChecked(matches=True)) == [Penalise(TARGET.endpoint, ROLE)]


def test_no_endpoint_at_all(play: Play) -> None:
    play.to(State.PASSWORD)

    assert play(PasswordMessage("pencil").encode()) == says(refusals.ENDPOINT_MISSING)


# The compute.


def test_the_computes_notice_comes_before_the_first_query(play: Play) -> None:
    play.to_compute_startup(Address(socket_path=SOCKET, notice="served direct"))

    [relay] = play(ComputeData(OK + READY))

    assert isinstance(relay, Relay)
    assert relay.for_client == notice("served direct") + READY


def test_what_the_compute_says_besides_is_passed_on(play: Play) -> None:
    said = NoticeResponse({"S": "WARNING", "M": "hello"}).encode()
    play.to_compute_startup()

    [relay] = play(ComputeData(OK + said + READY + b"more"))

    assert isinstance(relay, Relay)
    assert relay.for_client == said + READY + b"more"


def test_early_data_of_the_client_goes_to_the_compute(play: Play) -> None:
    play.to_locating()
    assert play(b"early") == []
    play(Located(ADDRESS))
    play(ComputeConnected(b"ours"))

    [relay] = play(ComputeData(OK + READY))

    assert isinstance(relay, Relay)
    assert relay.for_compute == b"early"


def test_early_data_is_bounded(play: Play) -> None:
    play.to_locating()
    play(bytes(LIMITS.early_data))

    assert play(b"x") == says(Refusal("08P01", "too much data before ReadyForQuery"))


def test_a_missing_database_is_told_in_the_computes_words(play: Play) -> None:
    error = ErrorResponse({"S": "FATAL", "V": "FATAL", "C": "3D000", "M": 'database "x" does not exist'})
    play.to_compute_startup()

    commands = play(ComputeData(OK + error.encode()))

    refusal = Refusal("3D000", 'database "x" does not exist')
    assert commands == [Send(error.encode()), Close("refused_by_compute", refusal)]


def test_a_missing_database_as_neon_tells_it() -> None:
    play = Play(errors="neon").to_compute_startup()

    [sent, _] = play(ComputeData(ErrorResponse({"S": "FATAL", "C": "3D000", "M": "no"}).encode()))

    assert sent == Send(ErrorResponse({"S": "ERROR", "C": "XX000", "M": "no"}).encode())


def test_a_compute_that_asks_for_a_password_is_no_compute_of_ours(play: Play) -> None:
    play.to_compute_startup()

    assert play(ComputeData(AuthenticationSASL(("X",)).encode())) == says(refusals.COMPUTE_UNREACHABLE)


GOING_TO_SLEEP = [
    ComputeGone(),
    ComputeData(ErrorResponse({"S": "FATAL", "C": "57P03", "M": "the database system is shutting down"}).encode()),
]


@pytest.mark.parametrize("event", GOING_TO_SLEEP)
def test_a_compute_that_went_to_sleep_is_woken_again(play: Play, event: Event) -> None:
    play.to_compute_startup()

    assert play(event) == [LeaveCompute(), replace(LOCATE, after_s=0.05)]
    assert play(Located(ADDRESS)) == [Connect(SOCKET)]
    assert play(ComputeUnreachable()) == [LeaveCompute(), replace(LOCATE, after_s=0.1)]
    play(Located(ADDRESS))
    play(ComputeConnected(b"ours"))
    [relay] = play(ComputeData(OK + READY))
    assert isinstance(relay, Relay)


def test_a_compute_that_never_takes_a_connection(play: Play) -> None:
    play.to_locating()
    for _ in range(3):
        play(Located(ADDRESS))
        play(ComputeUnreachable())
    play(Located(ADDRESS))

    assert play(ComputeUnreachable()) == says(refusals.COMPUTE_UNREACHABLE)


def test_a_compute_that_is_not_ready_at_last_says_so_itself(play: Play) -> None:
    play.to_locating()
    for _ in range(4):
        play(Located(ADDRESS))
        play(ComputeConnected(b"ours"))
        commands = play(GOING_TO_SLEEP[1])

    assert commands[-1] == Close("refused_by_compute", Refusal("57P03", "the database system is shutting down"))


# A compute that was woken, of which nobody hears before the password is confirmed.

NO_DATABASE = ErrorResponse({"S": "FATAL", "V": "FATAL", "C": "3D000", "M": 'database "x" does not exist'})
ANSWERS = {"ready": OK + READY, "refuses": OK + NO_DATABASE.encode()}
CHANGED = refusals.wrong_password(ROLE)


def test_the_session_begins_when_it_is_confirmed(play: Play) -> None:
    play.to_compute_startup(WOKEN)

    assert play(ComputeData(OK + READY + b"be")) == []
    assert play(ComputeData(b"hind")) == []
    assert play(b"early") == []
    [relay] = play(Confirmed())

    assert isinstance(relay, Relay)
    assert (relay.for_client, relay.for_compute) == (READY + b"behind", b"early")
    assert play.session.state is State.RELAYING


def test_what_is_confirmed_early_begins_when_it_is_ready(play: Play) -> None:
    play.to_compute_startup(WOKEN)

    assert play(Confirmed()) == []
    [relay] = play(ComputeData(OK + READY))

    assert isinstance(relay, Relay)


@pytest.mark.parametrize("answer", ["nothing yet", *ANSWERS])
def test_who_has_an_old_password_hears_nothing_of_the_compute(play: Play, answer: str) -> None:
    play.to_compute_startup(WOKEN)

    assert play(ComputeData(ANSWERS.get(answer, OK))) == []
    assert play(Refused(CHANGED)) == says(CHANGED)


def test_a_refusal_of_the_compute_is_told_when_it_is_confirmed(play: Play) -> None:
    play.to_compute_startup(WOKEN)

    assert play(ComputeData(ANSWERS["refuses"])) == []
    assert play(ComputeGone()) == []
    assert play(Confirmed()) == [
        Send(NO_DATABASE.encode()),
        Close("refused_by_compute", Refusal("3D000", 'database "x" does not exist')),
    ]


@pytest.mark.parametrize("before", [OK, OK + READY])
def test_a_compute_that_is_lost_unconfirmed_is_woken_again(play: Play, before: bytes) -> None:
    play.to_compute_startup(WOKEN)
    play(ComputeData(before))

    assert play(ComputeGone()) == [LeaveCompute(), replace(LOCATE, after_s=0.05)]
    play(Located(WOKEN))
    play(ComputeConnected(b"ours"))
    assert play(Confirmed()) == []
    [relay] = play(ComputeData(OK + READY))

    assert isinstance(relay, Relay)
    assert relay.for_client == READY


# Cancelling.


@pytest.mark.parametrize("state", [State.PLAIN, State.STARTUP])
def test_a_cancel_request_before_and_inside_tls(state: State) -> None:
    play = Play().to(state)

    assert play(CancelRequest(42, b"ours").encode()) == [
        SetDeadline(5.0),
        ForwardCancel(BackendKeyData(42, b"ours")),
    ]
    assert play(ComputeGone()) == [Close("cancelled")]


# What may happen at any time.

OPEN = [state for state in State if state not in (State.RELAYING, State.CLOSED)]


@pytest.mark.parametrize("state", OPEN)
def test_a_client_may_leave_at_any_time(state: State) -> None:
    play = Play().to(state)

    assert play(ClientGone()) == [Close("client_gone")]
    assert play.session.state is State.CLOSED


@pytest.mark.parametrize("state", OPEN)
def test_every_state_has_an_end_in_time(state: State) -> None:
    commands = Play().to(state)(DeadlinePassed())

    match state:
        case State.PLAIN | State.SECURING | State.STARTUP:
            assert commands == [Close("handshake_timed_out")]
        case State.CANCELLING:
            assert commands == [Close("cancel_timed_out")]
        case State.LOCATING | State.CONNECTING | State.COMPUTE_STARTUP | State.CONFIRMING:
            assert commands == says(refusals.COMPUTE_UNREACHABLE)
        case _:
            assert commands == says(refusals.AUTHENTICATION_TIMED_OUT)


@pytest.mark.parametrize("state", OPEN)
def test_stopping_ends_every_state(state: State) -> None:
    commands = Play().to(state)(Stopping())

    if state in (State.PLAIN, State.SECURING, State.CANCELLING):
        assert commands == [Close("stopping")]
    else:
        assert commands == says(refusals.STOPPING)


@pytest.mark.parametrize("state", [State.RELAYING, State.CLOSED])
@pytest.mark.parametrize("event", [ClientData(b"x"), ClientGone(), ComputeGone(), DeadlinePassed(), Stopping()])
def test_nothing_follows_the_end(state: State, event: Event) -> None:
    assert Play().to(state)(event) == []


def test_an_event_out_of_place_is_our_fault(play: Play) -> None:
    with pytest.raises(RuntimeError, match="Located does not belong in state PLAIN"):
        play(Located(ADDRESS))


@pytest.mark.parametrize("state", [state for state in OPEN if state is not State.SECURING])
@given(noise=st.lists(st.binary(max_size=40), max_size=4))
@settings(max_examples=40)
def test_noise_never_is_more_than_a_refusal(state: State, noise: list[bytes]) -> None:
    play = Play().to(state)

    for data in noise:
        commands = play(data)
        assert not any(isinstance(command, Locate | Relay | Connect) for command in commands)


@given(noise=st.binary(max_size=60))
def test_noise_of_the_compute_never_is_more_than_a_refusal(noise: bytes) -> None:
    Play().to_compute_startup()(ComputeData(noise))


# Secrets.


@pytest.mark.parametrize(
    "record",
    [
        PasswordMessage("geheim"),
        ClientData(b"geheim"),
        VerifierFound("geheim"),
        ComputeConnected(b"geheim"),
        CheckPassword(scram.parse_verifier(VERIFIER), "geheim"),
        Locate(TARGET, ROLE, "geheim", "d"),
        Send(b"geheim"),
        Relay(BackendKeyData(1, b"geheim"), BackendKeyData(1, b"geheim"), SOCKET, b"geheim", b"geheim"),
        replace(RULES, mock_secret=b"geheim"),
    ],
)
def test_no_record_shows_a_secret(record: object) -> None:
    assert "geheim" not in repr(record)
