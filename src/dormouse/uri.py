"""Connection strings: the one record behind every way of writing down how to connect.

The URL form is libpq's (manual, 34.1.1.2 Connection URIs). Values are percent-encoded, so a role, a
database or a password may hold any character.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import parse_qsl, quote, unquote, urlsplit

__all__ = ["ConnectionParameters"]

_PG_VARIABLES = {
    "sslmode": "PGSSLMODE",
    "channel_binding": "PGCHANNELBINDING",
    "sslrootcert": "PGSSLROOTCERT",
    "hostaddr": "PGHOSTADDR",
    "options": "PGOPTIONS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionParameters:
    """Where a client connects, as whom, and how.

    `port` None means Postgres's own, 5432, and is then left out. `options` are libpq's other keywords
    (`sslmode`, `hostaddr`, …), written in the order given.
    """

    role: str
    password: str | None = field(repr=False)
    host: str
    database: str
    port: int | None = None
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def from_url(cls, url: str) -> "ConnectionParameters":
        """Read what `url()` writes. Raises ValueError for anything else, without showing it."""
        refusal = ValueError("expected postgresql://role:password@host:port/database")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            # Its message quotes what it could not read, and that may be the password.
            raise refusal from None
        if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or not parts.username:
            raise refusal
        return cls(
            role=unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            host=parts.hostname,
            database=unquote(parts.path.removeprefix("/")),
            port=port,
            options=MappingProxyType(dict(parse_qsl(parts.query, keep_blank_values=True))),
        )

    def url(self) -> str:
        """`postgresql://role:password@host:port/database?sslmode=require&…`"""
        return self._url(self.password)

    def redacted(self) -> str:
        """The URL with the password as `****`, for messages and logs."""
        return self._url("****" if self.password is not None else None)

    def verified(self, authority: str) -> "ConnectionParameters":
        """The same, with the server's certificate and name checked; `authority` is a file, or `system`."""
        checks = {"sslmode": "verify-full", "sslrootcert": authority}
        return replace(self, options=MappingProxyType({**self.options, **checks}))

    def without_hostaddr(self, endpoint: str) -> "ConnectionParameters":
        """The same compute of this machine, for drivers that know no `hostaddr`: a name that resolves everywhere.

        The endpoint's id then stands in the options: it is no longer in the name.
        """
        options = {"sslmode": "require", "options": f"endpoint={endpoint}"}
        return replace(self, host="localhost", options=MappingProxyType(options))

    def pg_variables(self) -> dict[str, str]:
        """libpq's environment variables (manual, 34.15): `PGHOST`, `PGUSER`, …"""
        variables = {"PGHOST": self.host, "PGPORT": str(self.port or 5432), "PGUSER": self.role}
        variables["PGDATABASE"] = self.database
        if self.password is not None:
            variables["PGPASSWORD"] = self.password
        variables |= {_PG_VARIABLES[key]: value for key, value in self.options.items() if key in _PG_VARIABLES}
        return variables

    def _url(self, password: str | None) -> str:
        secret = "" if password is None else ":" + quote(password, safe="*")
        port = "" if self.port is None else f":{self.port}"
        query = "&".join(f"{key}={quote(value, safe='/:')}" for key, value in self.options.items())
        where = f"{quote(self.role, safe='')}{secret}@{self.host}{port}/{quote(self.database, safe='')}"
        return f"postgresql://{where}" + (f"?{query}" if query else "")
