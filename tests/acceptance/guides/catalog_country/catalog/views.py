from django.http import JsonResponse

from catalog.models import Author, Book


def list_authors(request):
    authors = [
        {"id": author.id, "name": author.name, "country": author.country} for author in Author.objects.all()
    ]
    return JsonResponse(authors, safe=False)


def list_books(request, author_id):
    books = [
        {"title": book.title, "author": book.author.name} for book in Book.objects.filter(author_id=author_id)
    ]
    return JsonResponse(books, safe=False)
