"""Django's database router: fills the record for `deciding.decide` and finds a replica that can answer.

A router is asked for an alias before the statement runs, so this is the last moment at which a replica that
cannot be reached may still be passed over: the connection is opened, or looked at, here.
"""

import asyncio
import logging
import time
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections
from django.db.models import Model

from django_dormouse import settings
from django_dormouse.alias import replicas_of
from django_dormouse.replicas import asking
from django_dormouse.replicas.context import Scope, current
from django_dormouse.replicas.deciding import Read, Reason, decide
from django_dormouse.replicas.health import Health
from django_dormouse.replicas.position import has_replayed

__all__ = ["Router"]

logger = logging.getLogger("django_dormouse.replicas")

_health: Final = Health()


class Router:
    """`DATABASE_ROUTERS = ["django_dormouse.replicas.Router"]`

    Routes between the alias `default` and its replicas; whatever belongs to other databases is left to the
    routers after it. Without a replica it has no opinion.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        """A replica, or `default`; None for what is not ours to route."""
        replicas = replicas_of(DEFAULT_DB_ALIAS, connections.settings)
        if not replicas:
            return None
        family = {DEFAULT_DB_ALIAS, *replicas}
        instance_alias = _alias_of(hints.get("instance"))
        if instance_alias is not None and instance_alias not in family and not _is_direct(instance_alias):
            return None
        scope = current()
        if decide(_read(model, instance_alias, scope, replicas)) is not Reason.REPLICA:
            return DEFAULT_DB_ALIAS
        return _first_able(replicas, scope) or DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:  # noqa: ARG002
        """`default`, also for an object that was read from a replica."""
        replicas = replicas_of(DEFAULT_DB_ALIAS, connections.settings)
        if not replicas:
            return None
        alias = _alias_of(hints.get("instance"))
        return DEFAULT_DB_ALIAS if alias is None or alias in replicas or alias == DEFAULT_DB_ALIAS else None

    def allow_relation(self, first: Model, second: Model, **_: Any) -> bool | None:
        """Yes between a primary and its replicas: they hold the same rows."""
        family = {DEFAULT_DB_ALIAS, *replicas_of(DEFAULT_DB_ALIAS, connections.settings)}
        aliases = {_alias_of(first), _alias_of(second)} - {None}
        ours = all(alias in family or _is_direct(alias) for alias in aliases if alias is not None)
        return True if ours else None

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:  # noqa: ARG002
        """Never on a replica, which gets its schema from its primary."""
        return False if _ours(db).get("REPLICA_OF") else None


def _read(model: type[Model], instance_alias: str | None, scope: Scope, replicas: tuple[str, ...]) -> Read:
    options = model._meta
    in_event_loop = _in_event_loop()
    return Read(
        in_event_loop=in_event_loop,
        is_primary_only=settings.current().is_primary_only(options.app_label, options.object_name or ""),
        is_pinned=scope.pins > 0,
        # Connections belong to threads; the event loop's own thread has none to look at.
        in_transaction=not in_event_loop and _in_transaction(),
        has_written=scope.has_written,
        is_unsafe_request=scope.unsafe,
        is_undecided_request=scope.undecided,
        is_of_primary_instance=instance_alias is not None and instance_alias not in replicas,
    )


def _first_able(replicas: tuple[str, ...], scope: Scope) -> str | None:
    """The first replica that can be reached and has come far enough, beginning with the one whose turn it is."""
    start = scope.take_turn() % len(replicas)
    for alias in replicas[start:] + replicas[:start]:
        if (
            scope.caught_up.get(alias, True)
            and _health.may_try(alias, time.monotonic())
            and _can_answer(alias, scope)
        ):
            return alias
    return None


def _can_answer(alias: str, scope: Scope) -> bool:
    connection = connections[alias]
    try:
        asking.reach(connection)
        if scope.needs is not None and alias not in scope.caught_up:
            replayed = asking.replayed(connection)
            scope.caught_up[alias] = has_replayed(replayed, scope.needs)
            if replayed.incarnation != scope.needs.incarnation:
                scope.needs_outlived = True
    except (DatabaseError, InterfaceError) as error:
        record = _health.failed(alias, time.monotonic())
        logger.warning(
            "A replica cannot be reached and is left out; reads go elsewhere",
            extra={
                "action": "replica_left_out",
                "alias": alias,
                "failures": record.failures,
                "reason": str(error),
            },
        )
        return False
    if _health.succeeded(alias):
        logger.info("A replica is back", extra={"action": "replica_back", "alias": alias})
    return scope.caught_up.get(alias, True)


def _in_transaction() -> bool:
    connection = connections[DEFAULT_DB_ALIAS]
    return connection.in_atomic_block or (connection.connection is not None and not connection.autocommit)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _alias_of(instance: Model | None) -> str | None:
    return None if instance is None else instance._state.db


def _is_direct(alias: str) -> bool:
    return _ours(alias).get("DIRECT_OF") == DEFAULT_DB_ALIAS


def _ours(alias: str) -> dict[str, Any]:
    found: dict[str, Any] = connections.settings.get(alias, {}).get("DORMOUSE", {})
    return found
