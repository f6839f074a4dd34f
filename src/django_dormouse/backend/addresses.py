"""All addresses behind a connection's hosts, so that one deadline can be divided among them.

A driver's `connect_timeout` holds for each address that it tries: a name with three of them takes three times as
long as it says. Resolved here, and handed on as `hostaddr`, a name is asked for once and its addresses are
counted.
"""

import ipaddress
import socket
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Resolve", "resolve", "spread_out"]

Resolve = Callable[[str, str], list[str]]
"""From a name and a port to addresses, in the order in which to try them. Raises OSError."""


def resolve(host: str, port: str) -> list[str]:
    """The system's answer, without repetitions. Raises OSError."""
    found = socket.getaddrinfo(host, port or "5432", type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def spread_out(params: Mapping[str, Any], resolve: Resolve) -> tuple[dict[str, Any], int]:
    """The parameters with one address per entry, and how many there are, at least 1.

    Unchanged where there is no name to resolve (sockets, addresses, a `hostaddr` that is given), and where a
    name does not resolve: the driver then says so.
    """
    hosts = str(params.get("host") or "").split(",")
    if params.get("hostaddr"):
        return dict(params), len(str(params["hostaddr"]).split(","))
    if not any(map(_is_name, hosts)):
        return dict(params), len(hosts)
    ports = str(params.get("port") or "").split(",")
    if len(ports) not in {1, len(hosts)}:
        return dict(params), len(hosts)
    entries: list[tuple[str, str, str]] = []
    for number, host in enumerate(hosts):
        port = ports[number if len(ports) > 1 else 0]
        try:
            addresses = resolve(host, port) if _is_name(host) else [""]
        except OSError:
            return dict(params), len(hosts)
        entries += [(host, address, port) for address in addresses]
    columns = [",".join(column) for column in zip(*entries, strict=True)]
    spread = {**params, "host": columns[0], "hostaddr": columns[1]}
    # All empty means the default port, once or many times.
    return (spread | {"port": columns[2]} if any(ports) else spread), len(entries)


def _is_name(host: str) -> bool:
    if not host or host.startswith(("/", "@")):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False
