"""Makes `docs/reference/api-coverage.md` from the table of routes and Neon's OpenAPI document.

    python tests/api_coverage.py path/to/neon-openapi.json

The document is not ours to keep here; `make conformance` puts it into `.conformance/`.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from fix_memory_plane import MemoryPlane

from dormouse.web.app import api_routes
from dormouse.web.rendering import Rendering
from dormouse.web.route_table import ApiRoute

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "api-coverage.md"

METHODS = ("get", "post", "put", "patch", "delete")


TEMPLATE = """\
# What of Neon's API is served

Every operation of Neon's specification, as this platform answers it. Made from the table of routes by
`tests/api_coverage.py`; a test compares.

- **served**: in Neon's shapes, codes and texts. Fields that mean nothing on one machine are taken and passed over;
  the answer shows what holds.
- **404**: `this route does not exist`, which Neon's own clients take for a feature that is not offered.

{served} are served, {missing} answer 404.

| method | path | answer |
|---|---|---|
{rows}

## Beyond the specification

Older names, which neon-api uses. Beside the API, below `/_local`, are the routes of the platform's own that
[platform](platform.md) lists; `/_local/openapi.json` is its own document.

| method | path |
|---|---|
{beyond}

## Where we differ

- `DELETE` of what is gone already answers 404 with Neon's error body, where Neon answers 204 without one: neon-api
  cannot read an empty answer, and a mistyped name should not look like a success.
- `allowed_ips` is kept and shown, not enforced: all who can connect are on this machine.
- There is one account with one organization; whatever `org_id` says is taken for it.
- `pg_settings` are applied at the next start of a compute. Quotas, maintenance windows, `hipaa`,
  `audit_log_level` and `preload_libraries` are checked, kept and shown, and nothing acts on them;
  `available_preload_libraries` is an empty list. `provisioner`, `pooler_enabled`, `pooler_mode`,
  `passwordless_access` and `pgbouncer_settings`, which are deprecated there or about Neon's own machines, are
  passed over.
- `POST .../branches` answers 501 to `archived`, and `PATCH .../endpoints/...` to another `branch_id`.
- `POST .../recover` of a branch answers with its `operations` too.
- `GET .../compare_schema` compares with the parent where `base_branch_id` is not given.
- `GET .../schema` is what `pg_dump --schema-only` writes, without versions, settings and subscriptions, and with
  `***` for passwords of user mappings.
- `init_source: schema-only` brings roles, databases and schemas. Sequences begin anew, materialized views are
  empty, subscriptions and databases that nobody may connect to stay behind, and no role is a superuser.
- New names hold no control characters, double quotes, semicolons, backslashes or steps of a path; those of roles
  and databases no beginning of an SQL comment. What was made by SQL may be called as Postgres allows.
"""


def table_of_routes() -> list[ApiRoute]:
    """What is served below the API's root."""
    return api_routes(MemoryPlane(), Rendering(host=str, proxy_host=""))


def shape(path: str) -> str:
    """The path with all its parameters alike: their names are nobody's promise."""
    return re.sub(r"\{\w+\}", "{}", path)


def page(document: dict[str, Any]) -> str:
    """The whole page."""
    ours = {(each.method, shape(each.path)): each for each in table_of_routes()}
    theirs = [
        (method.upper(), path) for path, item in document["paths"].items() for method in METHODS if method in item
    ]
    known = {(method, shape(path)) for method, path in theirs}
    rows = [(method, path, answer_of(ours.get((method, shape(path))))) for method, path in theirs]
    count = Counter(answer for _, _, answer in rows)
    beyond = [each for key, each in ours.items() if key not in known]
    return TEMPLATE.format(
        served=count["served"],
        missing=count["404"],
        rows="\n".join(f"| {method} | `{path}` | {answer} |" for method, path, answer in sorted(rows, key=order)),
        beyond="\n".join(f"| {each.method} | `{each.path}` |" for each in beyond),
    )


def answer_of(route: ApiRoute | None) -> str:
    return "404" if route is None else "served"


def order(row: tuple[str, str, str]) -> tuple[str, int]:
    return row[1], METHODS.index(row[0].lower())


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(Path(sys.argv[1]).read_text())))
