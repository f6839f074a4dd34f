"""Shelves with notes on them, and labels on the notes."""

from django.db import models


class Label(models.Model):
    name = models.CharField(max_length=50, unique=True)


class Shelf(models.Model):
    name = models.CharField(max_length=50)


class Note(models.Model):
    title = models.CharField(max_length=50)
    shelf = models.ForeignKey(Shelf, models.CASCADE, related_name="notes", null=True)
    labels = models.ManyToManyField(Label)
