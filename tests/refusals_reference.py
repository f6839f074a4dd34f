"""Makes `docs/reference/refusals.md` from the proxy's refusals and limits.

python tests/refusals_reference.py
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from dormouse.compute.pooler import INSTALL_HINT
from dormouse.errors import DatabaseNotFound, PoolerMissing
from dormouse.proxy import refusals
from dormouse.proxy.limits import Limits
from dormouse.proxy.refusals import Refusal

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "refusals.md"

NOT_NEONS = "a word of ours"
POSTGRES = "Postgres's own words"

ROWS: tuple[tuple[str, Refusal, str], ...] = (
    ("no TLS", refusals.INSECURE, ""),
    ("no user", refusals.USER_MISSING, ""),
    ("a user that is not UTF-8", refusals.USER_UNREADABLE, NOT_NEONS),
    ("no endpoint in host name, `options` or password", refusals.ENDPOINT_MISSING, ""),
    ("host name and `options` differ", refusals.inconsistent_endpoints("ep-a", "ep-b"), ""),
    ("no endpoint's id can look like this", refusals.invalid_endpoint("ep_a"), ""),
    ("no such endpoint", refusals.ENDPOINT_NOT_FOUND, ""),
    ("the endpoint is disabled", refusals.ENDPOINT_DISABLED, "28000 was reported in 2026"),
    ("wrong password, or no such role", refusals.wrong_password("neondb_owner"), ""),
    ("no password in time", refusals.AUTHENTICATION_TIMED_OUT, ""),
    ("no such database, by way of the pooler", refusals.refusal_for(
        DatabaseNotFound('database "shop" does not exist')), POSTGRES),
    ("too many connections to one compute", refusals.TOO_MANY_TO_ENDPOINT, ""),
    ("too many connections in all, or no place was left in time", refusals.TOO_MANY_ATTEMPTS, ""),
    ("the compute did not start; `DETAIL` says why", refusals.COMPUTE_UNREACHABLE, ""),
    ("denied by `dormouse fault deny`; `DETAIL` says so", refusals.DENIED, ""),
    ("the records are busy or forbid it; `DETAIL` says how", refusals.CONTROL_PLANE_FAILED, ""),
    ("a `-pooler` host, no PgBouncer, and `DORMOUSE_POOLER=required`", refusals.refusal_for(
        PoolerMissing("pooled hosts are not served: this machine has no pooler", INSTALL_HINT)), NOT_NEONS),
    ("the platform stops", refusals.STOPPING, POSTGRES),
)  # fmt: skip

HEAD = """\
# What the proxy says when it refuses, and its limits

Made from the code by `tests/refusals_reference.py`; a test compares.

Texts are Neon's, to the letter, where Neon has one. Neon gives every one of them the SQLSTATE XX000 and the
severity ERROR; here they have the severity FATAL and the SQLSTATE that Postgres has for the situation, so that
a program can tell a wrong password from "try again". With `DORMOUSE_ERRORS=neon` they are as at Neon: ERROR,
XX000, no `DETAIL`; and so is what Postgres itself refuses at startup.

| situation | text | SQLSTATE here | at Neon |
|---|---|---|---|
"""

AFTER = """\

Beside these:

- Bytes that are no protocol: 08P01 (0A000 for another major version of it), with what was wrong in Postgres's
  words where it has some.
- A TLS handshake that fails is told by a TLS alert: below TLS 1.2, no cipher in common. Who offers application
  protocols (ALPN) without `postgresql` among them is left without a word.
- What Postgres refuses at startup (`database "shop" does not exist` 3D000, `too many connections for role …`
  53300) passes as it is. `unsupported startup parameter: …` of the pooler gets Neon's advice behind it.
- 53300 and 57P03 of a compute that is going to sleep just now, or has a backend on its way out, are tried again
  before they are passed on.
- After the first `ReadyForQuery` every error is Postgres's own. A compute that goes to sleep says 57P01,
  `terminating connection due to administrator command`.
- Neon's texts about quotas, blocked networks and lists of addresses never come: nothing here has a quota, and
  `allowed_ips` is kept and shown, but not applied.

## Limits

Each is a setting: `DORMOUSE_LIMIT_` and its name in capitals, read by `dormouse up`.

| variable | default | |
|---|---|---|
"""


def limits() -> Iterator[tuple[str, float, str]]:
    """Name, default and reason of each."""
    tree = ast.parse(inspect.getsource(Limits))
    body = tree.body[0]
    assert isinstance(body, ast.ClassDef)
    texts = {
        node.target.id: text.value.value
        for node, text in zip(body.body, body.body[1:], strict=False)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
    for field in fields(Limits):
        yield field.name, field.default, " ".join(str(texts[field.name]).split())  # type: ignore[misc]


def page() -> str:
    """The whole page."""
    rows = [
        f"| {situation} | {refusal.message} | {refusal.sqlstate} | {note or 'XX000'} |\n"
        for situation, refusal, note in ROWS
    ]
    variables = [f"| `DORMOUSE_LIMIT_{name.upper()}` | {default} | {text} |\n" for name, default, text in limits()]
    return HEAD + "".join(rows) + AFTER + "".join(variables)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
