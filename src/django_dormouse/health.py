"""A view for load balancers and people: is the database there, whose part does it play, what is still to migrate.

    path("health/", django_dormouse.health.view)

It reads only. An endpoint that sleeps is not woken, and one that is awake is not kept from sleep: where the host
is an endpoint, nothing is sent unless `?wake=1` or `DORMOUSE["HEALTH_WAKES"]` asks for it.
"""

import logging
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from django_dormouse import hosts, settings

__all__ = ["view"]

logger = logging.getLogger("django_dormouse.health")

_DEADLINE_S = 3.0
"""A load balancer asks every few seconds, and takes no answer for a bad one."""


# Without it ATOMIC_REQUESTS would connect, and so wake, before the view is asked.
@transaction.non_atomic_requests
@login_not_required
@never_cache
@require_safe
def view(request: HttpRequest) -> JsonResponse:
    """200, or 503 where the main database was asked and fails. Errors, which name hosts, go to the log alone."""
    wakes = request.GET.get("wake") == "1" or settings.current().health_wakes
    found = {alias: _examine(alias, wakes=wakes) for alias in connections.settings if _is_ours(alias)}
    main = found.get(DEFAULT_DB_ALIAS, {})
    failed = main.get("state") == "down" or (main.get("state") == "up" and main.get("role") != "primary")
    degraded = any(one["state"] == "down" for one in found.values()) or bool(main.get("pending_migrations"))
    status = "down" if failed else "degraded" if degraded else "ok" if main.get("state") == "up" else "unasked"
    return JsonResponse({"status": status, "databases": found}, status=503 if failed else 200)


def _is_ours(alias: str) -> bool:
    settings_dict = connections.settings[alias]
    # The way past a pooler leads to the same server.
    is_direct = bool(settings_dict.get("DORMOUSE", {}).get("DIRECT_OF"))
    return not is_direct and settings_dict["ENGINE"].startswith("django_dormouse.")


def _examine(alias: str, *, wakes: bool) -> dict[str, Any]:
    connection: Any = connections[alias]
    is_replica = bool(connection.settings_dict.get("DORMOUSE", {}).get("REPLICA_OF"))
    found: dict[str, Any] = {
        "state": "unasked",
        "role": "replica" if is_replica else "primary",
        "lag_bytes": None,
        "lag_s": None,
        "pool": _pool(connection),
    }
    if hosts.endpoint_of(connection.settings_dict["HOST"]) is not None and not wakes:
        return found
    # A connection that this thread has, in a transaction of a test for example; else one for this question alone,
    # which waits for nobody's pool.
    asked = connection if connection.connection is not None else _own(connection, wakes=wakes)
    try:
        found |= _ask(asked, is_replica=is_replica)
        found["state"] = "up"
    except (DatabaseError, InterfaceError, ImproperlyConfigured) as error:
        found["state"] = "down"
        logger.warning("%s does not answer: %s", alias, " ".join(str(error).split()))
    finally:
        if asked is not connection:
            asked.close()
    return found


def _own(connection: Any, *, wakes: bool) -> Any:
    given = connection.settings_dict
    ours = dict(given.get("DORMOUSE", {}))
    if not wakes:
        ours["CONNECT_DEADLINE"] = min(_DEADLINE_S, ours.get("CONNECT_DEADLINE", _DEADLINE_S))
    options = {key: value for key, value in given["OPTIONS"].items() if key != "pool"}
    return type(connection)({**given, "OPTIONS": options, "DORMOUSE": ours}, connection.alias)


def _ask(connection: Any, *, is_replica: bool) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_is_in_recovery(), "
            "CASE WHEN pg_is_in_recovery() THEN "
            "greatest(pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn(), 0)::bigint END, "
            "extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8"
        )
        in_recovery, lag_bytes, age = cursor.fetchone()
    found: dict[str, Any] = {
        "role": "replica" if in_recovery else "primary",
        "lag_bytes": lag_bytes,
        # With nothing to replay the age says how long the primary has been idle.
        "lag_s": round(age, 3) if lag_bytes else None,
    }
    if not is_replica:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        found["pending_migrations"] = [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
    return found


def _pool(connection: Any) -> dict[str, int] | None:
    """The numbers of psycopg_pool, if there is a pool and it was opened."""
    pool = getattr(type(connection), "_connection_pools", {}).get(connection.alias)
    return None if pool is None else dict(pool.get_stats())
