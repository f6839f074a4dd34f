"""Which databases served a page, and how long they took: what the foot of the page shows."""

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from django.db import connections

from django_dormouse.replicas import statements


@dataclass
class Share:
    """What one database did for the request."""

    alias: str
    queries: int = 0
    query_ms: float = 0.0
    connects: int = 0
    connect_ms: float = 0.0
    """The time until connections were there; a compute that had to wake first is in it."""
    failures: int = 0
    """Connections that could not be made."""

    @property
    def reasons(self):
        """Why the router sent it what it sent, each once."""
        return list(dict.fromkeys(each.reason.value for each in statements() if each.alias == self.alias))


class DatabaseUse:
    """The shares of all databases, counted while one request runs."""

    def __init__(self):
        self._shares = {}

    @property
    def answered(self):
        """The shares of those that answered, by alias."""
        return [share for share in self._sorted() if share.queries]

    @property
    def unreachable(self):
        """The shares of those that could not be reached: others have answered in their place, or nobody has."""
        return [share for share in self._sorted() if share.failures and not share.queries]

    @contextmanager
    def watching(self):
        """Count what this thread asks of any database until the block ends."""
        with ExitStack() as stack:
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(self._count_query))
                stack.enter_context(self._counting_connects(connection))
            yield self

    def _count_query(self, execute, sql, params, many, context):
        share = self._share(context["connection"].alias)
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            share.queries += 1
            share.query_ms += (time.perf_counter() - started) * 1000

    @contextmanager
    def _counting_connects(self, connection):
        # Django tells when a connection is there (`connection_created`), but nobody when it is begun. So the one
        # method through which all of them come is covered, on this object, until the request is over.
        connect = connection.get_new_connection

        def timed(conn_params):
            share = self._share(connection.alias)
            started = time.perf_counter()
            try:
                made = connect(conn_params)
            except connection.Database.Error:
                share.failures += 1
                raise
            share.connects += 1
            share.connect_ms += (time.perf_counter() - started) * 1000
            return made

        connection.get_new_connection = timed
        try:
            yield
        finally:
            del connection.get_new_connection

    def _sorted(self):
        return sorted(self._shares.values(), key=lambda share: share.alias)

    def _share(self, alias):
        return self._shares.setdefault(alias, Share(alias))


class DatabaseUseMiddleware:
    """Puts a `DatabaseUse` on the request; the base template reads it last, when the page's queries have run."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.database_use = DatabaseUse()
        with request.database_use.watching():
            return self.get_response(request)
