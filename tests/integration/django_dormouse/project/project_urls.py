"""Pages that read, write, and do both; each says which databases it asked."""

import asyncio

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, transaction
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from library.models import Label, Note

from django_dormouse.replicas import position


def read(request: HttpRequest) -> JsonResponse:
    notes = Note.objects.order_by("id")
    return JsonResponse({"titles": [note.title for note in notes], "from": notes.db})


def write(request: HttpRequest) -> JsonResponse:
    before = Note.objects.all().db
    Note.objects.create(title=request.GET["title"])
    return JsonResponse({"before": before, "after": Note.objects.all().db})


def write_by_hand(request: HttpRequest) -> JsonResponse:
    before = Note.objects.all().db
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO library_note (title) VALUES (%s)", [request.GET["title"]])
    return JsonResponse({"before": before, "after": Note.objects.all().db})


def label(request: HttpRequest) -> JsonResponse:
    """What a form does: validate, then save."""
    new = Label(name=request.GET["name"])
    try:
        new.full_clean()
        new.save()
    except ValidationError:
        return JsonResponse({"told": "taken already"})
    except IntegrityError:
        return JsonResponse({"told": "IntegrityError"})
    return JsonResponse({"told": "saved"})


def who(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"user": request.user.get_username()})


def only_looks(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"from": Note.objects.all().db})


def note(request: HttpRequest, pk: int) -> JsonResponse:
    found = get_object_or_404(Note, pk=pk)
    return JsonResponse({"title": found.title, "shelf": found.shelf.name, "then": Note.objects.all().db})


def write_in_atomic(request: HttpRequest) -> JsonResponse:
    with transaction.atomic():
        Note.objects.create(title=request.GET["title"])
        if "asynchronously" in request.GET:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit = off")
        transaction.on_commit(lambda: positions.append(position()))
    return JsonResponse({})


positions: list[str] = []


def told(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"positions": positions})


def in_atomic(request: HttpRequest) -> JsonResponse:
    with transaction.atomic():
        inside = Note.objects.all().db
    return JsonResponse({"inside": inside, "outside": Note.objects.all().db})


def streams(request: HttpRequest) -> StreamingHttpResponse:
    Note.objects.create(title="streamed")
    return StreamingHttpResponse(Note.objects.all().db for _ in range(1))


async def aread(request: HttpRequest) -> JsonResponse:
    notes = [note async for note in Note.objects.order_by("id")]
    return JsonResponse({"titles": [note.title for note in notes], "from": notes[0]._state.db if notes else None})


async def awrite(request: HttpRequest) -> JsonResponse:
    before = (await Note.objects.afirst())._state.db
    await Note.objects.acreate(title=request.GET["title"])
    return JsonResponse({"before": before, "after": (await Note.objects.afirst())._state.db})


async def gathered(request: HttpRequest) -> JsonResponse:
    found = await asyncio.gather(*(Note.objects.afirst() for _ in range(5)))
    return JsonResponse({"from": sorted({note._state.db for note in found})})


def connections_open(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"open": [alias for alias in connections if connections[alias].connection is not None]})


urlpatterns = [
    path(f"{view.__name__}/", view)
    for view in (
        read, write, write_by_hand, write_in_atomic, told, label, who, only_looks, in_atomic, streams, aread,
        awrite, gathered, connections_open,
    )
]  # fmt: skip
urlpatterns.append(path("note/<int:pk>/", note))
