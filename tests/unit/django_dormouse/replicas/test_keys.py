"""Queries that ask for one object by its key."""

import pytest
from django.db import models
from django.db.models import Q

from django_dormouse.replicas.keys import asks_by_key


class Group(models.Model):
    name = models.CharField(max_length=50, unique=True)

    class Meta:
        app_label = "keys"


class User(models.Model):
    username = models.CharField(max_length=50, unique=True)
    email = models.EmailField()
    is_active = models.BooleanField()
    groups = models.ManyToManyField(Group)

    class Meta:
        app_label = "keys"


@pytest.mark.parametrize(
    "found",
    [
        User.objects.filter(pk=1),
        User.objects.filter(username="anna"),
        User.objects.filter(username="anna", is_active=True),
        User.objects.filter(is_active=True).filter(id=5)[:1],
        User.objects.filter(groups__name="editors", pk=3),
        User.objects.filter(Q(pk=1) & Q(is_active=True)).values("email"),
    ],
    ids=lambda found: str(found.query.where),
)
def test_by_key(found):
    assert asks_by_key(found.query)


@pytest.mark.parametrize(
    "found",
    [
        User.objects.all(),
        User.objects.filter(email="anna@example.com"),
        User.objects.filter(pk__gt=1),
        User.objects.filter(pk__in=[1, 2]),
        User.objects.exclude(pk=1),
        User.objects.filter(Q(pk=1) | Q(is_active=True)),
        # Unique, but of another table: many users fit.
        User.objects.filter(groups__name="editors"),
    ],
    ids=lambda found: str(found.query.where),
)
def test_not_by_key(found):
    assert not asks_by_key(found.query)
