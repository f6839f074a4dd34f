"""Make a Django site use a Postgres that sleeps, wakes and has replicas, here and on Neon.

Importing this package needs no settings and imports nothing of `django.db`, so a settings file may begin
with it: `DATABASES = django_dormouse.databases()`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_dormouse.config import databases

__all__ = ["databases"]


def __getattr__(name: str) -> Any:
    # Lazily (PEP 562): Django imports this module for INSTALLED_APPS too, and needs no database driver for it.
    if name == "databases":
        from django_dormouse.config import databases

        return databases
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
