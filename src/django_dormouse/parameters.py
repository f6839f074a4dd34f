"""libpq's own parameters: which there are, what each may hold, and since which libpq.

Checked before anything connects, so that a typing mistake is told by its name when settings are read, and not by
a failed connection hours later. Values stay the texts that they are: `application_name=007` is no number.
Source: manual, 34.1.2 "Parameter Key Words".
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["PARAMETERS", "WHERE", "Parameter", "combination", "counts"]

WHERE: Final = frozenset({"host", "hostaddr", "port", "dbname", "user", "password", "service"})
"""Which server, which database, as whom: said in one place only, the environment."""

_LARGEST: Final = 2**31 - 1


def _anything(value: str) -> None:
    if "\0" in value:
        raise ValueError("a text without NUL characters")


def _whole(smallest: int, largest: int, unit: str) -> Callable[[str], None]:
    def check(value: str) -> None:
        digits = value.isascii() and value.isdigit()
        if not digits or not smallest <= int(value) <= largest:
            raise ValueError(f"a whole number{unit} from {smallest} to {largest}")

    return check


def _one_of(*words: str) -> Callable[[str], None]:
    def check(value: str) -> None:
        if value not in words:
            raise ValueError("one of " + ", ".join(words))

    return check


def _authentication(value: str) -> None:
    methods = value.split(",")
    known = {"password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"}
    refused = [method.startswith("!") for method in methods]
    if {method.strip().removeprefix("!") for method in methods} <= known and len(set(refused)) == 1:
        return
    raise ValueError("methods separated by commas (scram-sha-256, …), either all with ! or none")


_SECONDS = _whole(0, _LARGEST, " of seconds")
_SWITCH = _one_of("0", "1")
_TLS = _one_of("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_WISH = _one_of("disable", "prefer", "require")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of libpq's keywords; `check` raises ValueError, saying what it expects."""

    name: str
    check: Callable[[str], None] = _anything
    since: int = 120000
    """The first libpq that knows it, as libpq counts: 160000 is 16."""
    is_secret: bool = False
    """Whether its value is never to be shown."""


PARAMETERS: Final[Mapping[str, Parameter]] = MappingProxyType(
    {
        parameter.name: parameter
        for parameter in (
            Parameter("application_name"),
            Parameter("fallback_application_name"),
            Parameter("client_encoding"),
            Parameter("options"),
            Parameter("passfile"),
            Parameter("connect_timeout", _SECONDS),
            Parameter("tcp_user_timeout", _whole(0, _LARGEST, " of milliseconds")),
            Parameter("keepalives", _SWITCH),
            Parameter("keepalives_idle", _SECONDS),
            Parameter("keepalives_interval", _SECONDS),
            Parameter("keepalives_count", _whole(0, _LARGEST, "")),
            Parameter("sslmode", _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full")),
            Parameter("sslnegotiation", _one_of("postgres", "direct"), since=170000),
            Parameter("sslrootcert"),
            Parameter("sslcert"),
            Parameter("sslkey"),
            Parameter("sslpassword", since=130000, is_secret=True),
            Parameter("sslcertmode", _one_of("disable", "allow", "require"), since=160000),
            Parameter("sslcrl"),
            Parameter("sslcrldir", since=140000),
            Parameter("sslsni", _SWITCH, since=140000),
            Parameter("ssl_min_protocol_version", _TLS, since=130000),
            Parameter("ssl_max_protocol_version", _TLS, since=130000),
            Parameter("channel_binding", _WISH, since=130000),
            Parameter("require_auth", _authentication, since=160000),
            Parameter("requirepeer"),
            Parameter("gssencmode", _WISH),
            Parameter("krbsrvname"),
            Parameter(
                "target_session_attrs",
                _one_of("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
            ),
            Parameter("load_balance_hosts", _one_of("disable", "random"), since=160000),
        )
    }
)
"""By keyword. What is not here is libpq's rarer half, which passes unchecked from a URL that libpq could read."""


def counts(parameters: Mapping[str, str]) -> str | None:
    """What is wrong with host, hostaddr and port taken together, or None. Quotes none of them.

    A password with a bare `/` splits a URL so that a piece of it stands where the port is.
    """
    names = max(len(parameters.get(key, "").split(",")) for key in ("host", "hostaddr"))
    ports = parameters.get("port", "").split(",")
    if len(ports) not in (1, names):
        return f"there are {len(ports)} ports for {names} hosts; give one for all, or one for each"
    if not all(port == "" or (port.isascii() and port.isdigit() and 0 < int(port) < 65536) for port in ports):
        return "the port is not a number from 1 to 65535, or the password is not percent-encoded"
    addresses = parameters.get("hostaddr", "")
    if addresses:
        if parameters.get("host") and len(addresses.split(",")) != names:
            return f"there are {len(addresses.split(','))} hostaddr for {names} hosts; give one for each"
        if not all(address == "" or _is_address(address) for address in addresses.split(",")):
            return "hostaddr holds what is no IP address; names belong into host"
    return None


def combination(parameters: Mapping[str, str], libpq_version: int) -> str | None:
    """What libpq would refuse of values that are right each by itself, or None."""
    mode = parameters.get("sslmode")
    for name in parameters:
        known = PARAMETERS.get(name)
        if known is not None and libpq_version < known.since:
            return f"{name} needs libpq {known.since // 10000}, and this one is {libpq_version // 10000}"
    attributes = parameters.get("target_session_attrs", "any")
    if attributes not in ("any", "read-write") and libpq_version < 140000:
        return f"target_session_attrs={attributes} needs libpq 14, and this one is {libpq_version // 10000}"
    if parameters.get("sslrootcert") == "system":
        if libpq_version < 160000:
            return f"sslrootcert=system needs libpq 16, and this one is {libpq_version // 10000}"
        if mode not in (None, "verify-full"):
            return f"sslrootcert=system goes with sslmode=verify-full alone, and sslmode is {mode}"
    if parameters.get("sslnegotiation") == "direct" and mode not in ("require", "verify-ca", "verify-full"):
        return f"sslnegotiation=direct needs sslmode=require or stronger, and sslmode is {mode or 'not given'}"
    if parameters.get("channel_binding") == "require" and mode == "disable":
        return "channel_binding=require needs TLS, and sslmode is disable"
    return None


def _is_address(text: str) -> bool:
    try:
        # A scope (fe80::1%eth0) is the system's business.
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
