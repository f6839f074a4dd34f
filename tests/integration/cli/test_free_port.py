import socket

import pytest

from dormouse.cli.demo_site import free_port
from dormouse.errors import PortTaken


def test_any_free_port_can_be_listened_on() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port(0)))


def test_the_port_that_was_asked_for_is_the_one() -> None:
    port = free_port(0)

    assert free_port(port) == port


def test_a_taken_port_is_told_with_the_option_to_choose_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port}, where the site was to be served") as caught:
            free_port(port)

    assert "--site-port" in caught.value.hint
