"""ClientHellos as OpenSSL makes them."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.wire.client_hello import offered_protocols


def hello(*protocols: str) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="ep-calm-hill-1.dormouse.localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


HELLO = hello("h2", "http/1.1")


@pytest.mark.parametrize("protocols", [(), ("postgresql",), ("h2", "http/1.1")])
def test_what_openssl_offers_is_read(protocols: tuple[str, ...]) -> None:
    assert offered_protocols(hello(*protocols)) == tuple(name.encode() for name in protocols)


def test_a_message_in_two_records_is_read() -> None:
    body = HELLO[5:]
    records = b"".join(HELLO[:3] + len(part).to_bytes(2, "big") + part for part in (body[:20], body[20:]))

    assert offered_protocols(records) == (b"h2", b"http/1.1")


@pytest.mark.parametrize("end", range(0, len(HELLO) - 1, 7))
def test_half_of_one_offers_nothing(end: int) -> None:
    assert offered_protocols(HELLO[:end]) == ()


@given(st.binary(max_size=300), st.integers(0, len(HELLO) - 1), st.integers(0, 255))
def test_noise_is_no_error(noise: bytes, where: int, byte: int) -> None:
    offered_protocols(noise)
    offered_protocols(HELLO[:where] + bytes([byte]) + HELLO[where + 1 :])
