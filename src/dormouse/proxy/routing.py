"""Which endpoint a client means, and what of its startup packet the compute gets to see.

The endpoint stands in the host name (SNI), else in the startup packet's `options`, else before the password
(Neon's ways, in Neon's order). Whether it exists is not known here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from dormouse.names import POOLER_SUFFIX, EndpointHost, EndpointId, is_endpoint_id, parse_host
from dormouse.proxy.refusals import (
    ENDPOINT_MISSING,
    USER_MISSING,
    USER_UNREADABLE,
    Refusal,
    inconsistent_endpoints,
    invalid_endpoint,
)

__all__ = ["Request", "Target", "compute_parameters", "options_of", "read_startup", "split_password"]

# What Neon's proxy passes on. The rest is dropped, unless the client says `neon_proxy_params_compat:true`.
_FORWARDED: Final = frozenset(
    {"user", "database", "application_name", "replication", "options", "client_encoding"}
)
_EVERYTHING: Final = "neon_proxy_params_compat:true"

# A token of `options`, as the server's pg_split_opts() cuts them: blanks separate, a backslash takes the next
# character as it is, and one at the very end stands for nothing.
_TOKEN: Final = re.compile(r"(?:\\.|[^\s\\])+|\\\Z", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_MOMENTS: Final = ("neon_lsn:", "neon_timestamp:")
_KIND: Final = "neon_endpoint_type:"
_NEON_OPTION: Final = re.compile(r"neon_\w+:")


@dataclass(frozen=True, slots=True)
class Target:
    """The compute that a client wants, and whether by way of its pooler."""

    endpoint: EndpointId
    """Or the id of a branch: for a look at its past, or with `kind` for one of its computes."""
    pooled: bool = False
    moment: str = ""
    """`neon_lsn:0/1FA22C0` or `neon_timestamp:2026-12-01T00:00:00Z`; empty is the present."""
    kind: str = ""
    """Of a branch's computes: `read_only` or `read_write`, as `neon_endpoint_type` has it; empty says nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a client wants: as whom, where, with which settings."""

    role: str
    target: Target | None
    """None: only the password can still say."""
    parameters: Mapping[str, str] = field(repr=False)
    """For the compute."""
    dropped: tuple[str, ...] = ()
    """Names of parameters that were left out."""


def read_startup(parameters: Mapping[str, str], server_name: str | None, suffix: str) -> Request | Refusal:
    """Understand a startup packet that came with SNI `server_name`."""
    role = parameters.get("user", "")
    if not role:
        return USER_MISSING
    if not _is_unicode(role):
        return USER_UNREADABLE
    by_name = parse_host(server_name, suffix) if server_name else None
    by_option = _endpoint_option(parameters.get("options", ""))
    target = _agree(by_name, by_option)
    if isinstance(target, Refusal):
        return target
    if target is not None:
        options = parameters.get("options", "")
        target = replace(target, moment=_moment_option(options), kind=_kind_option(options))
    forwarded = compute_parameters(parameters)
    dropped = tuple(name for name in parameters if name not in forwarded and name != "options")
    return Request(role, target, forwarded, dropped)


def compute_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters that the compute gets.

    `client_encoding` is UTF8 unless the client asks for another: Neon forces UTF8, and so hands back text in
    another encoding than an old client asked for.
    """
    tokens = options_of(parameters.get("options", ""))
    everything = _EVERYTHING in tokens
    forwarded = {
        name: value
        for name, value in parameters.items()
        if (everything or name in _FORWARDED) and name != "options" and not name.startswith("_pq_.")
    }
    forwarded.setdefault("client_encoding", "UTF8")
    ours = [token for token in tokens if not _is_for_proxy(token)]
    if ours:
        forwarded["options"] = " ".join(ours)
    return forwarded


def options_of(options: str) -> list[str]:
    """The tokens of `options`, with their backslashes."""
    return _TOKEN.findall(options)


def split_password(password: str) -> tuple[Target, str] | Refusal:
    """The endpoint before the password, and the password: `endpoint=ep-…;secret`, `project=ep-…$secret`."""
    for separator in (";", "$"):
        prefix, found, rest = password.partition(separator)
        key, equals, value = prefix.partition("=")
        if found and equals and key in ("endpoint", "project"):
            target = _target_of(value)
            return target if isinstance(target, Refusal) else (target, rest)
    return ENDPOINT_MISSING


def _agree(by_name: EndpointHost | None, by_option: str | None) -> Target | Refusal | None:
    if by_option is None:
        return None if by_name is None else Target(by_name.endpoint, by_name.pooled)
    target = _target_of(by_option)
    if isinstance(target, Refusal) or by_name is None:
        return target
    if target.endpoint != by_name.endpoint:
        return inconsistent_endpoints(by_name.endpoint, target.endpoint)
    return Target(target.endpoint, by_name.pooled or target.pooled)


def _target_of(given: str) -> Target | Refusal:
    if not is_endpoint_id(given):
        return invalid_endpoint(given)
    endpoint = given.removesuffix(POOLER_SUFFIX)
    if not endpoint:
        return invalid_endpoint(given)
    return Target(EndpointId(endpoint), pooled=endpoint != given)


def _endpoint_option(options: str) -> str | None:
    """The one `endpoint=` or `project=` in `options`; several name none, as at Neon."""
    named = [
        value
        for token in options_of(options)
        for key, equals, value in [_plain(token).partition("=")]
        if equals and key in ("endpoint", "project")
    ]
    return named[0] if len(named) == 1 else None


def _moment_option(options: str) -> str:
    """The moment of the past that a client wants to see; the last one said."""
    plain = [_plain(token) for token in options_of(options)]
    return next((token for token in reversed(plain) if token.startswith(_MOMENTS)), "")


def _kind_option(options: str) -> str:
    """Which kind of compute a client wants; the last one said."""
    plain = [_plain(token) for token in options_of(options)]
    found = [token.removeprefix(_KIND) for token in plain if token.startswith(_KIND)]
    return found[-1] if found else ""


def _is_for_proxy(token: str) -> bool:
    plain = _plain(token)
    return plain.startswith(("endpoint=", "project=")) or _NEON_OPTION.match(plain) is not None


def _plain(token: str) -> str:
    return _ESCAPED.sub(r"\1", token)


def _is_unicode(text: str) -> bool:
    """Whether the bytes that `text` came from were UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
