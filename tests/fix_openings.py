"""Openings of a connection, right ones and spoilt ones, and a world that plays the other parts of a session."""

import base64
import hashlib
import hmac
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from dormouse.proxy.directory import Address
from dormouse.proxy.limits import Limits
from dormouse.proxy.session import (
    CheckPassword,
    ClientData,
    ClientHelloSeen,
    Close,
    Command,
    ComputeConnected,
    ComputeData,
    ComputeGone,
    Confirmed,
    Connect,
    Event,
    ForwardCancel,
    Locate,
    Located,
    LookUp,
    PasswordChecked,
    Penalise,
    PenaltyServed,
    Rules,
    Send,
    SendToCompute,
    Session,
    StartTLS,
    State,
    TLSStarted,
    VerifierFound,
)
from dormouse.wire import scram
from dormouse.wire.messages import (
    AuthenticationOk,
    BackendKeyData,
    PasswordMessage,
    ReadyForQuery,
    SASLInitialResponse,
    SASLResponse,
)
from dormouse.wire.startup import CancelRequest, GSSENCRequest, SSLRequest, StartupMessage

ENDPOINT = "ep-calm-hill-a5x6y7z8"
HOST = f"{ENDPOINT}.dormouse.localhost"
PASSWORD = "pencil"
CERTIFICATE_HASH = hashlib.sha256(b"certificate").digest()
# One iteration: a million clients of our own would else count to four thousand each.
VERIFIER = scram.build_verifier(PASSWORD, bytes(16), iterations=1)
LIMITS = Limits()
RULES = Rules(
    host_suffix="dormouse.localhost",
    certificate_hash=CERTIFICATE_HASH,
    mock_secret=b"secret",
    random_bytes=bytes,
)
_GREETING = AuthenticationOk().encode() + BackendKeyData(42, b"real").encode() + ReadyForQuery().encode()
_MOST_KEPT = LIMITS.early_data + LIMITS.startup_packet


@dataclass
class Opening:
    """One client: what it says at each turn. A proof is made when it is asked for."""

    before_tls: list[bytes]
    server_name: str | None
    startup: bytes
    password: bytes = b""
    mechanism: str = "SCRAM-SHA-256-PLUS"
    direct: bool = False
    spoil: "Spoil | None" = None
    sent: int = 0

    def first(self) -> bytes:
        return SASLInitialResponse(self.mechanism, self._header + b"n=,r=abc").encode()

    def final(self, challenge: bytes) -> bytes:
        fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", PASSWORD.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"])
        )
        key = hmac.digest(salted, b"Client Key", "sha256")
        binding = base64.b64encode(self._header + (CERTIFICATE_HASH if self._header[:1] == b"p" else b""))
        bare = b"c=" + binding + b",r=" + fields[b"r"]
        signed = hmac.digest(hashlib.sha256(key).digest(), b"n=,r=abc," + challenge + b"," + bare, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signed, strict=True))
        return SASLResponse(bare + b",p=" + base64.b64encode(proof)).encode()

    @property
    def _header(self) -> bytes:
        return b"p=tls-server-end-point,," if self.mechanism.endswith("PLUS") else b"n,,"

    def say(self, data: bytes) -> bytes:
        """What really arrives of the next thing that it says."""
        self.sent += 1
        return data if self.spoil is None or self.spoil.turn != self.sent else self.spoil.of(data)


@dataclass(frozen=True)
class Spoil:
    """What befalls one of the things that a client says."""

    turn: int
    cut_at: float
    """Where it ends, as a part of its length; 1 is not cut."""
    flips: tuple[float, ...]
    """Which bits are turned, as parts of its length."""
    tail: bytes = b""

    def of(self, data: bytes) -> bytes:
        spoilt = bytearray(data)
        for where in self.flips:
            bit = int(where * len(spoilt) * 8)
            spoilt[bit // 8] ^= 1 << bit % 8
        return bytes(spoilt[: round(self.cut_at * len(spoilt))]) + self.tail


async def _confirm() -> None:
    """What a session never calls: the world says how it went."""
    raise AssertionError


SOCKET = "/run/.s.PGSQL.5432"
WOKEN = Address(socket_path=SOCKET, confirm=_confirm)
"""A compute that nobody is to hear of yet."""


@dataclass
class World:
    """Answers a session's commands as computes and clients do that mean well."""

    opening: Opening
    session: Session = field(default_factory=lambda: Session(RULES))
    states: set[State] = field(default_factory=set)
    located: bool = False

    def play(self) -> State:
        """Until the session relays, is closed, or waits for more; where it then stands."""
        self.session.start()
        self.states.add(self.session.state)
        if self.opening.direct:
            self._feed(ClientHelloSeen())
        for packet in self.opening.before_tls:
            self._say(packet)
        if self.session.state is State.STARTUP:
            self._say(self.opening.startup)
        assert len(self.session._from_client) <= _MOST_KEPT
        return self.session.state

    def _say(self, data: bytes) -> None:
        if self.session.state not in (State.CLOSED, State.RELAYING, State.CANCELLING):
            self._feed(ClientData(self.opening.say(data)))

    def _feed(self, event: Event) -> None:
        commands = self.session.handle(event)
        self.states.add(self.session.state)
        for command in commands:
            self._answer(command)

    def _answer(self, command: Command) -> None:
        match command:
            case StartTLS():
                self._feed(TLSStarted(self.opening.server_name))
            case LookUp(_, role):
                self._feed(VerifierFound(VERIFIER if role == "owner" else None))
            case CheckPassword(verifier, password):
                self._feed(PasswordChecked(scram.check_password(verifier, password)))
            case Penalise():
                self._feed(PenaltyServed())
            case Locate():
                self.located = True
                self._feed(Located(WOKEN))
                if self.session.state is State.CONFIRMING:
                    self._feed(Confirmed())
            case Connect():
                self._feed(ComputeConnected(b"ours" + bytes(28)))
            case SendToCompute():
                self._feed(ComputeData(_GREETING))
            case ForwardCancel():
                self._feed(ComputeGone())
            case Send(data) if self.session.state is State.SASL_FIRST:
                assert data[:1] == b"R"
                self._say(self.opening.first())
            case Send(data) if self.session.state is State.SASL_FINAL:
                self._say(self.opening.final(data[9:]))
            case Send() if self.session.state is State.PASSWORD:
                self._say(self.opening.password)
            case Close():
                assert self.session.state is State.CLOSED
            case _:
                pass


STARTUP = StartupMessage({"user": "owner", "database": "neondb", "application_name": "fuzz"}).encode()
NAMED = StartupMessage({"user": "owner", "options": f"endpoint={ENDPOINT} -c geqo=off"}, minor=2).encode()


def openings() -> list[Opening]:
    """Each of the ways in."""
    tls = [SSLRequest().encode()]
    return [
        Opening(tls, HOST, STARTUP),
        Opening([GSSENCRequest().encode(), *tls], HOST, STARTUP, mechanism="SCRAM-SHA-256"),
        Opening([], HOST, STARTUP, direct=True),
        Opening(tls, None, NAMED),
        Opening(tls, None, STARTUP, PasswordMessage(f"endpoint={ENDPOINT};{PASSWORD}").encode()),
        Opening(tls, None, STARTUP, PasswordMessage(f"endpoint={ENDPOINT};wrong").encode()),
        Opening(tls, HOST, StartupMessage({"user": "nobody"}).encode()),
        Opening([STARTUP], HOST, STARTUP),
        Opening([CancelRequest(42, b"ours").encode()], HOST, STARTUP),
        Opening(tls, HOST, CancelRequest(42, b"x" * 32).encode()),
    ]


def spoilt(chance: Random) -> Opening:
    """One of them, of which something is cut, turned or added."""
    opening = chance.choice(openings())
    opening.spoil = Spoil(
        turn=chance.randrange(1, 6),
        cut_at=chance.random() if chance.random() < 0.4 else 1.0,
        flips=tuple(chance.random() for _ in range(chance.choice((0, 1, 1, 1, 2, 8)))),
        tail=chance.randbytes(chance.choice((0, 0, 0, 1, 30))),
    )
    return opening


def play_many(count: int, seed: str) -> tuple[Counter[State], Counter[State]]:
    """So many of them: where they ended, and through which states they came."""
    chance = Random(seed)
    ends: Counter[State] = Counter()
    reached: Counter[State] = Counter()
    for _ in range(count):
        world = World(spoilt(chance))
        ends[world.play()] += 1
        reached.update(world.states)
        if world.located:
            # Whatever was turned was nothing that the proof is about, such as a setting in the startup packet.
            assert State.SASL_FINAL in world.states or State.CHECKING in world.states
    return ends, reached
