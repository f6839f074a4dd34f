"""Django's database router: fills the record for `deciding.decide` and finds a replica that can answer.

A router is asked for an alias before the statement runs, so this is the last moment at which a replica that
cannot be reached may still be passed over: the connection is opened, or looked at, here.
"""

from functools import cache
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model

from django_dormouse import settings
from django_dormouse.alias import replicas_of
from django_dormouse.backend.statements import may_write
from django_dormouse.errors import WriteInReplicaBlock
from django_dormouse.replicas import asking, picking
from django_dormouse.replicas.context import Unit, block, current, in_event_loop
from django_dormouse.replicas.deciding import Read, Reason, decide
from django_dormouse.replicas.raw import raw_statement
from django_dormouse.replicas.routed import Routed

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
        replicas = replicas_of(DEFAULT_DB_ALIAS, connections.settings)
        if not replicas:
            return None
        instance = hints.get("instance")
        instance_alias = _alias_of(instance)
        if instance_alias is not None and not _is_family(instance_alias, replicas):
            return None
        unit = current()
        reason = decide(_read(model, instance, instance_alias in replicas, unit))
        if reason in (Reason.REPLICA, Reason.REPLICA_BLOCK):
            picked = picking.pick(replicas, unit, anything_will_do=reason is Reason.REPLICA_BLOCK)
            if not isinstance(picked, Reason):
                return Routed(picked, reason)
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


def _read(model: type[Model], instance: Model | None, is_of_replica: bool, unit: Unit) -> Read:
    ours = settings.current()
    is_looping = in_event_loop()
    options, asked = model._meta, block()
    statement = raw_statement()
    return Read(
        in_event_loop=is_looping,
        is_raw_write=statement is not None and may_write(statement),
        in_replica_block=asked.from_replica,
        is_primary_only=ours.is_primary_only(options.app_label, options.object_name or ""),
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
        and not ours.is_primary_only(instance._meta.app_label, instance._meta.object_name or ""),
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
