"""The relay between two transports that only note what they are told."""

import asyncio
from typing import Any, cast

import pytest

from dormouse.proxy.compute_transport import ComputeTransport
from dormouse.proxy.directory import Activity
from dormouse.proxy.relay import Relay, Side
from dormouse.wire.messages import ReadyForQuery

READY = ReadyForQuery().encode()


class Noted:
    """A transport."""

    def __init__(self) -> None:
        self.sent = b""
        self.calls: list[str] = []
        self.protocol: Any = None

    def write(self, data: bytes) -> None:
        self.sent += data

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def is_closing(self) -> bool:
        return "close" in self.calls or "abort" in self.calls

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def close(self) -> None:
        if not self.is_closing():
            self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")


class Stage:
    """A relay that has started."""

    def __init__(self, for_client: bytes = READY, for_compute: bytes = b"") -> None:
        self.client, self.compute = Noted(), Noted()
        self.activity = Activity(0.0)
        self.now = 1.0
        self.ends: list[Side] = []
        self.relay = Relay(
            cast(asyncio.Transport, self.client),
            cast(ComputeTransport, self.compute),
            activity=self.activity,
            now=lambda: self.now,
            close_client=self.client.close,
            on_end=self.ends.append,
        )
        self.relay.start(for_client=for_client, for_compute=for_compute, write_buffer=100)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_bytes_go_through_both_ways(stage: Stage) -> None:
    stage.client.protocol.data_received(b"select")
    stage.compute.protocol.data_received(b"row")

    assert (stage.compute.sent, stage.client.sent) == (b"select", READY + b"row")


def test_what_came_before_the_start_is_not_lost() -> None:
    stage = Stage(for_compute=b"early")

    assert stage.compute.sent == b"early"


def test_only_the_clients_bytes_are_activity(stage: Stage) -> None:
    stage.compute.protocol.data_received(b"notification")
    assert stage.activity.last == 0.0

    stage.now = 7.0
    stage.client.protocol.data_received(b"select")
    assert stage.activity.last == 7.0


@pytest.mark.parametrize(("slow", "held"), [("client", "compute"), ("compute", "client")])
def test_a_slow_reader_holds_the_other_side(stage: Stage, slow: str, held: str) -> None:
    getattr(stage, slow).protocol.pause_writing()
    assert getattr(stage, held).calls == ["pause"]

    getattr(stage, slow).protocol.resume_writing()
    assert getattr(stage, held).calls == ["pause", "resume"]


@pytest.mark.parametrize(("first", "second"), [("client", "compute"), ("compute", "client")])
def test_the_end_of_one_side_closes_the_other(stage: Stage, first: str, second: str) -> None:
    getattr(stage, first).protocol.connection_lost(None)
    assert getattr(stage, second).calls == ["close"]
    assert stage.ends == []

    getattr(stage, second).protocol.connection_lost(None)
    assert stage.ends == [Side(first)]


@pytest.mark.parametrize(("gone", "other"), [("client", "compute"), ("compute", "client")])
def test_bytes_for_a_side_that_is_gone_are_dropped(stage: Stage, gone: str, other: str) -> None:
    getattr(stage, gone).sent = b""
    getattr(stage, gone).protocol.connection_lost(None)

    getattr(stage, other).protocol.data_received(b"late")

    assert getattr(stage, gone).sent == b""


def test_a_closing_side_is_not_paused(stage: Stage) -> None:
    stage.client.protocol.connection_lost(None)

    stage.client.protocol.pause_writing()

    assert stage.compute.calls == ["close"]


def test_stopping_tells_a_client_that_waits(stage: Stage) -> None:
    stage.relay.stop(b"bye")

    assert stage.client.sent == READY + b"bye"
    assert (stage.client.calls, stage.compute.calls) == (["close"], ["close"])


def test_stopping_in_the_middle_of_a_message_says_nothing(stage: Stage) -> None:
    stage.compute.protocol.data_received(b"D\0\0\1\0half a row")

    stage.relay.stop(b"bye")

    assert not stage.client.sent.endswith(b"bye")
    assert stage.client.calls == ["close"]


def test_stopping_is_the_proxys_end(stage: Stage) -> None:
    stage.relay.stop(b"bye")
    stage.client.protocol.connection_lost(None)
    stage.compute.protocol.connection_lost(None)

    assert stage.ends == [Side.PROXY]


def test_aborting_aborts_both(stage: Stage) -> None:
    stage.relay.abort()

    assert (stage.client.calls, stage.compute.calls) == (["abort"], ["abort"])


class Clock:
    """`call_later` by hand."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []

    def call_later(self, _delay_s: float, call: Any) -> Any:
        self.waiting.append(call)
        return self

    def cancel(self) -> None:
        pass

    def strike(self) -> None:
        waiting, self.waiting = self.waiting, []
        for call in waiting:
            call()


def test_a_slow_relay_hands_on_later_and_reads_no_more_meanwhile(stage: Stage) -> None:
    clock = Clock()
    before = stage.client.sent
    stage.relay.slow_down(0.1, clock.call_later)

    stage.compute.protocol.data_received(b"one")
    assert stage.client.sent == before
    assert stage.compute.calls[-1] == "pause"

    clock.strike()
    assert stage.client.sent == before + b"one"
    assert stage.compute.calls[-1] == "resume"


def test_a_relay_that_is_slow_no_more_keeps_the_order(stage: Stage) -> None:
    clock = Clock()
    before = stage.compute.sent
    stage.relay.slow_down(0.1, clock.call_later)
    stage.client.protocol.data_received(b"one")

    stage.relay.slow_down(0.0, clock.call_later)
    stage.client.protocol.data_received(b"two")

    assert stage.compute.sent == before + b"onetwo"


def test_last_words_are_not_lost_in_a_slow_relay(stage: Stage) -> None:
    before = stage.client.sent
    stage.relay.slow_down(0.1, Clock().call_later)
    stage.compute.protocol.data_received(b"57P01")

    stage.compute.protocol.connection_lost(None)

    assert stage.client.sent == before + b"57P01"


def test_a_relay_is_cut_after_so_many_bytes(stage: Stage) -> None:
    before = stage.client.sent
    stage.relay.cut_after(5)

    stage.compute.protocol.data_received(b"abc")
    assert "close" not in stage.client.calls
    stage.compute.protocol.data_received(b"defg")
    stage.compute.protocol.data_received(b"hij")

    assert stage.client.sent == before + b"abcde"
    assert "close" in stage.client.calls
    assert stage.relay.ended_by is Side.PROXY


def test_bytes_are_counted_each_way(stage: Stage) -> None:
    received, sent = stage.activity.from_clients, stage.activity.to_clients

    stage.client.protocol.data_received(b"abc")
    stage.compute.protocol.data_received(b"defgh")

    assert (stage.activity.from_clients - received, stage.activity.to_clients - sent) == (3, 5)
