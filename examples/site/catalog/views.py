"""The catalog as JSON: lists of objects, one query for each list."""

from django.db.models import Count
from django.http import JsonResponse
from django.views import View
from django.views.decorators.http import require_safe

from catalog.models import Author, Book
from django_dormouse.replicas import ReadsFromMixin


@require_safe
def authors(_request):
    """All authors, by name."""
    rows = Author.objects.values("id", "name", "bio", "country", "created_at")
    return _list(rows)


@require_safe
def books(_request, author_id):
    """One author's books, by title; 404 where there is no such author."""
    author = Author.objects.filter(pk=author_id).first()
    if author is None:
        return JsonResponse({"error": f"There is no author {author_id}."}, status=404)
    rows = Book.objects.filter(author=author).values("id", "title", "created_at")
    return _list({**row, "author": author.name} for row in rows)


class Countries(ReadsFromMixin, View):
    """How many authors and books come from each country: a report, which may be a moment old whoever asks."""

    reads_from = "replica"

    def get(self, _request):
        counts = {"authors": Count("id", distinct=True), "books": Count("books")}
        return _list(Author.objects.order_by("country").values("country").annotate(**counts))


def _list(rows):
    # `safe` refuses lists because of browsers of the year 2009; a list is what this API promises.
    return JsonResponse(list(rows), safe=False)
