"""The connection to a compute: a unix socket, which connects at once or not at all, so no task waits for it."""

import asyncio
import socket

from dormouse.proxy.socket_transport import SocketTransport

__all__ = ["ComputeTransport"]


class ComputeTransport(SocketTransport):
    """To the compute that listens on a path."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket_path: str, protocol: asyncio.Protocol) -> None:
        """Connect. Raises OSError: nobody listens, or (BlockingIOError) the compute's queue is full."""
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.setblocking(False)
            connected.connect(socket_path)
        except OSError:
            connected.close()
            raise
        super().__init__(loop, connected, protocol)
