"""Reads from replicas, where that is right.

DATABASE_ROUTERS = ["django_dormouse.replicas.Router"]
MIDDLEWARE = ["django_dormouse.replicas.Middleware", ...]
"""

from django_dormouse.replicas.context import primary, wrote
from django_dormouse.replicas.middleware import Middleware
from django_dormouse.replicas.router import Router

__all__ = ["Middleware", "Router", "primary", "wrote"]
