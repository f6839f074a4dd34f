"""Which databases served a page, and how long they took: what the footer shows."""

import time
from contextlib import ExitStack, contextmanager

from django.db import connections


class DatabaseUse:
    """Statements and seconds by database alias, counted while one request runs."""

    def __init__(self):
        self._counted = {}

    def __iter__(self):
        """One row for each database that was asked: alias, statements, milliseconds."""
        for alias, (statements, seconds) in sorted(self._counted.items()):
            yield {"alias": alias, "statements": statements, "milliseconds": seconds * 1000}

    def __bool__(self):
        return bool(self._counted)

    @contextmanager
    def watching(self):
        """Count what this thread asks of any database until the block ends."""
        with ExitStack() as stack:
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(self._count))
            yield self

    def _count(self, execute, sql, params, many, context):
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            alias = context["connection"].alias
            statements, seconds = self._counted.get(alias, (0, 0.0))
            self._counted[alias] = statements + 1, seconds + time.perf_counter() - started


class DatabaseUseMiddleware:
    """Puts a `DatabaseUse` on the request; the base template reads it last, when the page's queries have run."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.database_use = DatabaseUse()
        with request.database_use.watching():
            return self.get_response(request)
