"""What is to be remembered of a unit's user when it is over, or when it hands work on.

Usually known already: COMMIT has brought the position along. Only what was written in autocommit mode, or read
from the primary outside of transactions, costs a question of its own; and while no replica is in use nobody asks
at all.
"""

import logging
import time

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

from django_dormouse import settings
from django_dormouse.alias import replicas_of
from django_dormouse.replicas import asking, context, tokens
from django_dormouse.replicas.context import Unit
from django_dormouse.replicas.health import health
from django_dormouse.replicas.position import Token

__all__ = ["aposition", "is_owed", "position", "settled"]

logger = logging.getLogger("django_dormouse.replicas")


def position() -> str:
    """What this request or task has written and seen, as a text for `at_least()`; empty if anything will do.

    It is signed, and fits into JSON, headers and the arguments of a task. Inside of an open transaction nobody
    knows it yet, and whoever gets it reads from the primary: ask in `transaction.on_commit`. So also inside an
    event loop, where `aposition()` is to be used.
    At most one round trip to the primary.
    """
    return tokens.sign(settled(context.current()))


async def aposition() -> str:
    """The same from async code, on the thread where Django keeps this context's connections."""
    return await sync_to_async(position, thread_sensitive=True)()


def is_owed(unit: Unit) -> bool:
    """Whether the primary would have to be asked to know what is to be remembered."""
    return bool(unit.uncovered) or unit.is_outlived or unit.has_seen_primary


def settled(unit: Unit) -> Token:
    """What is to be remembered of the unit's user."""
    replicas = replicas_of(DEFAULT_DB_ALIAS, connections.settings)
    if not replicas:
        return Token()
    if is_owed(unit) and not any(map(health.is_in_use, replicas)):
        # Nobody needs to know yet: the primary serves, and whoever comes when a replica is back gets a position.
        return tokens.UNKNOWN
    if is_owed(unit):
        connection = None if context.in_event_loop() else connections[DEFAULT_DB_ALIAS]
        if connection is None or asking.in_transaction(connection):
            # It cannot be asked, or what was written is not committed yet, so that no position covers it.
            return tokens.UNKNOWN
        try:
            position = asking.position(connection)
            health.ledger.note(position, time.monotonic(), from_primary=True)
            unit.cover(position)
        except (DatabaseError, InterfaceError) as error:
            logger.warning(
                "The position of the primary could not be read; its user reads from the primary",
                extra={"action": "position_unknown", "reason": str(error)},
            )
            return tokens.UNKNOWN
        unit.is_outlived = False
    remembers_replica = len(replicas) > 1 and settings.current().monotonic
    return Token(needs=unit.needs, replica=unit.reads_only_from if remembers_replica else None)
