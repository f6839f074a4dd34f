"""Tasks of Django 6, and a backend that hands positions on."""

from django.tasks import task
from django.tasks.backends.immediate import ImmediateBackend

from django_dormouse.replicas import CarriesPosition
from library.models import Note


class Backend(CarriesPosition, ImmediateBackend):
    pass


@task
def titles(prefix):
    found = Note.objects.filter(title__startswith=prefix)
    return [note.title for note in found] + [str(found.db)]


@task
async def atitles():
    return [note.title async for note in Note.objects.all()]
