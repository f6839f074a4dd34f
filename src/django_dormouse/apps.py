"""`INSTALLED_APPS = [..., "django_dormouse"]`: the system checks, and one unit per request."""

from typing import Any

from django.apps import AppConfig
from django.core.signals import request_finished, request_started

__all__ = ["DormouseConfig"]


class DormouseConfig(AppConfig):
    """The app, with the label `dormouse`."""

    name = "django_dormouse"
    label = "dormouse"
    verbose_name = "Dormouse"

    def ready(self) -> None:
        """Register what Django asks for later; nothing connects here."""
        # Here, because both need the app registry and the settings.
        from django_dormouse import checks

        checks.register()
        request_started.connect(_begin_request, dispatch_uid="django_dormouse")
        request_finished.connect(_end_request, dispatch_uid="django_dormouse")


def _begin_request(**_: Any) -> None:
    from django_dormouse.replicas import context

    # Until the middleware has seen the request, nothing is known of its user.
    context.begin(context.Unit(is_announced=False))


def _end_request(**_: Any) -> None:
    from django_dormouse.replicas import context

    context.end()
