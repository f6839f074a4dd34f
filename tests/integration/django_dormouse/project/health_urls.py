"""The health view alone."""

from django.urls import path

from django_dormouse import health

urlpatterns = [path("health/", health.view)]
