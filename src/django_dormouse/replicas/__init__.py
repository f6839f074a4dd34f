"""Reads from replicas, where that is right.

DATABASE_ROUTERS = ["django_dormouse.replicas.Router"]
MIDDLEWARE = ["django_dormouse.replicas.Middleware", ...]
"""

from django_dormouse.replicas.blocks import ReadsFromMixin, at_least, fresh, using_primary, using_replica
from django_dormouse.replicas.context import wrote
from django_dormouse.replicas.metrics import ReadCount, ReplicaMetrics, read_counts, replica_metrics
from django_dormouse.replicas.middleware import Middleware
from django_dormouse.replicas.router import Router
from django_dormouse.replicas.seeing import Statement, statements
from django_dormouse.replicas.settling import aposition, position
from django_dormouse.replicas.tasks import CarriesPosition, position_argument, takes_position

__all__ = [
    "CarriesPosition",
    "Middleware",
    "ReadCount",
    "ReadsFromMixin",
    "ReplicaMetrics",
    "Router",
    "Statement",
    "aposition",
    "at_least",
    "fresh",
    "position",
    "position_argument",
    "read_counts",
    "replica_metrics",
    "statements",
    "takes_position",
    "using_primary",
    "using_replica",
    "wrote",
]
