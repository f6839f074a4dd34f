"""Entries that only their owner changes, and notices that nobody changes."""

from django.db import models


class Entry(models.Model):
    owner = models.CharField(max_length=20, unique=True)
    version = models.IntegerField()


class Notice(models.Model):
    text = models.CharField(max_length=100)
