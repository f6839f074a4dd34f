"""Pages for a crowd: each writes a title that only one request has, and says what became of it."""

import functools
import os
from collections.abc import Callable

import served
from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path
from library.models import Note

from django_dormouse.transactions import retry_transaction


def told(view: Callable[[HttpRequest], None]) -> Callable[[HttpRequest], JsonResponse]:
    """A page that fails says by what; its transaction's id is in it, where that is known."""

    @functools.wraps(view)
    def page(request: HttpRequest) -> JsonResponse:
        try:
            view(request)
        except Exception as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            known = getattr(error, "transaction_id", None)
            return JsonResponse({"error": kinds, "text": str(error), "transaction_id": known}, status=500)
        return JsonResponse({})

    return page


@told
def read(request: HttpRequest) -> None:
    list(Note.objects.order_by("-id")[:5])
    Note.objects.filter(title="none").exists()
    Note.objects.count()


@told
def write(request: HttpRequest) -> None:
    Note.objects.create(title=request.GET["title"])


@told
@transaction.atomic
def write_in_a_transaction(request: HttpRequest) -> None:
    Note.objects.count()
    note = Note.objects.create(title="")
    note.title = request.GET["title"]
    note.save()


@told
def write_with_patience(request: HttpRequest) -> None:
    retry_transaction(lambda: Note.objects.create(title=request.GET["title"]))()


def who(request: HttpRequest) -> JsonResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [backend] = cursor.fetchone()
    return JsonResponse({"process": os.getpid(), "backend": backend, "parent's": served.BACKEND_OF_THE_PARENT})


urlpatterns = [
    path(f"{view.__name__}/", view) for view in (read, write, write_in_a_transaction, write_with_patience, who)
]
