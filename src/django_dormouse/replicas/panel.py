"""A panel for django-debug-toolbar: which database served each statement of the request, and why.

DEBUG_TOOLBAR_PANELS = [..., "django_dormouse.replicas.panel.ReplicasPanel"]
"""

from typing import Any

from debug_toolbar.panels import Panel
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_dormouse.replicas import metrics
from django_dormouse.replicas.context import current
from django_dormouse.replicas.seeing import as_rows

__all__ = ["ReplicasPanel"]


class ReplicasPanel(Panel):
    """One table: alias, reason, time and statement; above it the replicas as this process sees them."""

    title = "Replicas"
    template = "django_dormouse/replicas_panel.html"
    is_async = True

    @property
    def nav_subtitle(self) -> str:
        """`default 2, replica 3`."""
        counts: dict[str, int] = {}
        for row in self.get_stats().get("statements", []):
            counts[row["alias"]] = counts.get(row["alias"], 0) + 1
        return ", ".join(f"{alias} {count}" for alias, count in sorted(counts.items()))

    def process_request(self, request: HttpRequest) -> Any:
        """Have the request's statements written down from here on."""
        unit = current()
        if unit.statements is None:
            unit.statements = []
        return super().process_request(request)

    def generate_stats(self, request: HttpRequest, response: HttpResponseBase) -> None:  # noqa: ARG002
        """What was written down."""
        self.record_stats(
            {"statements": as_rows(current().statements or []), "replicas": list(metrics.replica_metrics())}
        )
