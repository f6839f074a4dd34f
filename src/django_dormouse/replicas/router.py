"""Django's database router: fills the record for `deciding.decide` and finds a replica that can answer.

A router is asked for an alias before the statement runs, so this is the last moment at which a replica that
cannot be reached may still be passed over: the connection is opened, or looked at, here.
"""

import time
from functools import cache
from threading import get_ident
from typing import Any, Final, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model

from django_dormouse import settings
from django_dormouse.alias import replicas_of
from django_dormouse.backend.statements import may_write
from django_dormouse.errors import WriteInReplicaBlock
from django_dormouse.replicas import asking, picking
from django_dormouse.replicas.context import NO_BLOCK, Unit, block, current, in_event_loop
from django_dormouse.replicas.deciding import Read, Reason, decide
from django_dormouse.replicas.health import health
from django_dormouse.replicas.raw import is_raw, raw_statement
from django_dormouse.replicas.routed import Routed
from django_dormouse.replicas.watching import watcher

__all__ = ["Router"]

_UNSEEN: Final = frozenset({Reason.PRIMARY_ONLY, Reason.EVENT_LOOP})
"""Reads from the primary that tell nobody of newer data: of models that all read there, and those that are no
reads yet."""


class Router:
    """`DATABASE_ROUTERS = ["django_dormouse.replicas.Router"]`

    Routes between the alias `default` and its replicas; whatever belongs to other databases is left to the
    routers after it. Without a replica it has no opinion.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        """A replica, or `default`; None for what is not ours to route."""
        unit = current()
        seat: _Seat | None = unit.seat
        # A `raw()` would be three calls up from here, above Django's router and `QuerySet.db`; a router that is
        # made of this one has a call more, and goes the long way.
        if (
            seat is not None
            and not hints
            and type(self) is Router
            and not is_raw(3)
            and _is_as_before(seat, model, unit)
        ):
            now = time.monotonic()
            watcher.nudge(seat.alias, now)
            health.answered(seat.alias, now)
            seat.replica.is_looked_at = True
            return seat.alias
        replicas = replicas_of(DEFAULT_DB_ALIAS, connections.settings)
        if not replicas:
            return None
        instance = hints.get("instance")
        instance_alias = _alias_of(instance)
        if instance_alias is not None and not _is_family(instance_alias, replicas):
            return None
        reason = decide(_read(model, instance, instance_alias in replicas, unit))
        if reason in (Reason.REPLICA, Reason.REPLICA_BLOCK):
            picked = picking.pick(replicas, unit, anything_will_do=reason is Reason.REPLICA_BLOCK)
            if not isinstance(picked, Reason):
                routed = Routed(picked, reason)
                if reason is Reason.REPLICA:
                    _take_seat(unit, routed, model)
                return routed
            reason = picked
        if reason not in _UNSEEN and settings.current().monotonic:
            unit.has_seen_primary = True
        return Routed(DEFAULT_DB_ALIAS, reason)

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:  # noqa: ARG002
        """`default`, also for an object that was read from a replica. Raises WriteInReplicaBlock."""
        replicas = replicas_of(DEFAULT_DB_ALIAS, connections.settings)
        if not replicas:
            return None
        alias = _alias_of(hints.get("instance"))
        if alias is not None and alias not in replicas and alias != DEFAULT_DB_ALIAS:
            return None
        if block().from_replica:
            raise WriteInReplicaBlock.of(DEFAULT_DB_ALIAS)
        return Routed(DEFAULT_DB_ALIAS, Reason.WRITE)

    def allow_relation(self, first: Model, second: Model, **_: Any) -> bool | None:
        """Yes between a primary and its replicas: they hold the same rows."""
        replicas = replicas_of(DEFAULT_DB_ALIAS, connections.settings)
        aliases = {_alias_of(first), _alias_of(second)} - {None}
        return True if all(_is_family(alias, replicas) for alias in aliases if alias is not None) else None

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:  # noqa: ARG002
        """Never on a replica, which gets its schema from its primary."""
        return False if _ours(db).get("REPLICA_OF") else None


class _Seat(NamedTuple):
    """What the reads of one unit in one thread have in common, once one of them went to a replica."""

    alias: Routed
    thread: int
    primary: Any
    replica: Any
    """The thread's connections."""
    models: set[type[Model]]
    """Those that may be read from replicas."""


def _take_seat(unit: Unit, alias: Routed, model: type[Model]) -> None:
    seat: _Seat | None = unit.seat
    if seat is not None and seat.alias == alias and seat.thread == get_ident():
        seat.models.add(model)
        return
    connection = connections[alias]
    # An alias with another ENGINE cannot be looked at.
    if hasattr(connection, "is_open"):
        unit.seat = _Seat(alias, get_ident(), connections[DEFAULT_DB_ALIAS], connection, {model})


def _is_as_before(seat: _Seat, model: type[Model], unit: Unit) -> bool:
    """Whether a read without hints would be sent where the one before it went.

    All that `_read` and `pick` go by, asked of what is at hand: a third of their time, and almost every read is
    such a one.
    """
    return (
        model in seat.models
        and seat.alias in unit.answered
        and seat.alias not in unit.refused
        and not (unit.has_written or unit.has_seen_newer or unit.wants_fresh or unit.is_unsafe)
        and block() is NO_BLOCK
        and not in_event_loop()
        and seat.thread == get_ident()
        and not asking.in_transaction(seat.primary)
        and health.is_in_use(seat.alias)
        and seat.replica.is_open()
    )


def _read(model: type[Model], instance: Model | None, is_of_replica: bool, unit: Unit) -> Read:
    ours = settings.current()
    is_looping = in_event_loop()
    options, asked = model._meta, block()
    statement = raw_statement()
    return Read(
        in_event_loop=is_looping,
        is_raw_write=statement is not None and may_write(statement),
        in_replica_block=asked.from_replica,
        is_primary_only=ours.is_primary_only(options.app_label, options.label_lower),
        in_primary_block=asked.from_primary,
        # Connections belong to threads; the event loop's own thread has none to look at.
        in_transaction=not is_looping and asking.in_transaction(connections[DEFAULT_DB_ALIAS]),
        has_written=unit.has_written,
        has_seen_newer=unit.has_seen_newer,
        is_unsafe_request=unit.is_unsafe,
        is_unannounced=not unit.is_announced,
        is_of_primary_instance=instance is not None
        and instance._state.db is not None
        and not is_of_replica
        # All objects of such a model come from the primary: it tells nothing of this one.
        and not ours.is_primary_only(instance._meta.app_label, instance._meta.label_lower),
        is_generic_relation=instance is not None and _are_generically_related(type(instance), model),
    )


@cache
def _are_generically_related(owner: type[Model], model: type[Model]) -> bool:
    # `contenttypes` may not be installed, and then cannot be imported; its fields say what they are.
    return any(
        field.many_to_many is False and field.one_to_many is True and field.related_model is model
        for field in owner._meta.private_fields
        if field.is_relation
    )


def _alias_of(instance: Model | None) -> str | None:
    return None if instance is None else instance._state.db


def _is_family(alias: str, replicas: tuple[str, ...]) -> bool:
    return alias == DEFAULT_DB_ALIAS or alias in replicas or _ours(alias).get("DIRECT_OF") == DEFAULT_DB_ALIAS


def _ours(alias: str) -> dict[str, Any]:
    found: dict[str, Any] = connections.settings.get(alias, {}).get("DORMOUSE", {})
    return found
