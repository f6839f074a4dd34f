"""Shelves with notes on them, and labels on the notes."""

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Remark(models.Model):
    text = models.CharField(max_length=50)
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.BigIntegerField()
    about = GenericForeignKey()


class Label(models.Model):
    name = models.CharField(max_length=50, unique=True)


class Shelf(models.Model):
    name = models.CharField(max_length=50)


class Note(models.Model):
    title = models.CharField(max_length=50)
    shelf = models.ForeignKey(Shelf, models.CASCADE, related_name="notes", null=True)
    labels = models.ManyToManyField(Label)
    remarks = GenericRelation(Remark)
