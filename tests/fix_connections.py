"""What tests ask of a connection beside its statements."""

import select
from typing import Any


def wait_for_news(connection: Any, timeout_s: float = 15.0) -> None:
    """Until the kernel has something for this Django connection's socket: last words, an end, a notification."""
    poll = select.poll()
    poll.register(connection.connection.fileno(), select.POLLIN)
    assert poll.poll(timeout_s * 1000), f"waited {timeout_s} s in vain for a word of the server"
