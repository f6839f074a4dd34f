"""What a host name says: a pooler or not, near or far, which endpoint.

Pure rules over the value of libpq's `host`, which may be several names separated by commas, an address, the
folder of a unix socket (it begins with `/`, or with `@` for an abstract one), or empty (libpq's default socket).
"""

import ipaddress
from collections.abc import Callable

from dormouse.names import DEFAULT_HOST_SUFFIX, POOLER_SUFFIX

__all__ = [
    "LOOPBACK",
    "SNI_SINCE",
    "direct_host",
    "endpoint_of",
    "hostaddr_for",
    "is_local",
    "is_pooled",
    "needs_tls",
    "with_endpoint",
]

LOOPBACK = "127.0.0.1"

SNI_SINCE = 140000
"""libpq sends the server name in TLS since 14 (release notes of PostgreSQL 14, E.25.3.8)."""


def is_pooled(host: str) -> bool:
    """Whether any of the hosts is a pooler: its first label ends in `-pooler`, as Neon's do."""
    return any(_first_label(name).endswith(POOLER_SUFFIX) for name in host.split(",") if _is_name(name))


def direct_host(host: str) -> str:
    """The hosts behind the poolers: `ep-a-pooler.example` → `ep-a.example`; other hosts as they are."""
    return ",".join(_without_pooler(name) for name in host.split(","))


def is_local(host: str) -> bool:
    """Whether each of the hosts is this machine: a socket, a loopback address, `localhost` or `*.localhost`."""
    return all(_is_local(name) for name in host.split(","))


def needs_tls(host: str) -> bool:
    """Whether a connection without an `sslmode` of its own gets `require`.

    A host on another machine does; so does an endpoint, which is told apart by the name in TLS.
    Sockets and loopback stay as libpq has them, because most local servers have no TLS.
    """
    return any(not _is_local(name) or _is_endpoint(name) for name in host.split(","))


def hostaddr_for(host: str, resolves: Callable[[str], bool]) -> str | None:
    """libpq's `hostaddr` for `*.localhost` names that the system does not resolve, or None if none is needed.

    RFC 6761 6.3 lets an application take every name below `localhost.` for the loopback address. The
    name itself stays in `host`, and so in TLS. One address per host, in order; an empty one means "look it up".
    """
    names = host.split(",")
    addresses = [LOOPBACK if _is_below_localhost(name) and not resolves(name) else "" for name in names]
    return ",".join(addresses) if any(addresses) else None


def endpoint_of(host: str) -> str | None:
    """The endpoint that the first host names, `ep-…` with `-pooler` if it has that; None if it names none."""
    name = host.split(",", 1)[0]
    return _first_label(name) if _is_name(name) and _first_label(name).startswith("ep-") else None


def with_endpoint(options: str, host: str, libpq_version: int) -> str:
    """`options` with the endpoint in it, for a libpq that sends no server name in TLS; else as it is.

    `libpq_version` as libpq counts: 130005 is 13.5. Neon's documented fallback, which the local platform
    answers too.
    """
    endpoint = endpoint_of(host)
    if libpq_version >= SNI_SINCE or endpoint is None or "endpoint=" in options:
        return options
    return f"endpoint={endpoint} {options}".rstrip()


def _first_label(name: str) -> str:
    return name.lower().partition(".")[0]


def _without_pooler(name: str) -> str:
    label, dot, rest = name.partition(".")
    if not _is_name(name) or not label.lower().endswith(POOLER_SUFFIX):
        return name
    return label[: -len(POOLER_SUFFIX)] + dot + rest


def _is_name(name: str) -> bool:
    return bool(name) and not name.startswith(("/", "@")) and _address(name) is None


def _is_local(name: str) -> bool:
    if not name or name.startswith(("/", "@")):
        return True
    address = _address(name)
    if address is not None:
        return address.is_loopback
    return name.lower().rstrip(".") == "localhost" or _is_below_localhost(name)


def _is_below_localhost(name: str) -> bool:
    return _is_name(name) and name.lower().rstrip(".").endswith(".localhost")


def _is_endpoint(name: str) -> bool:
    below = name.lower().rstrip(".").endswith("." + DEFAULT_HOST_SUFFIX)
    return _is_name(name) and (below or _first_label(name).startswith("ep-"))


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
