"""`manage.py populate`: fill the catalog with three authors and seven books."""

from django.core.management.base import BaseCommand
from django.db import transaction

from catalog.models import Author, Book

CATALOG = [
    {
        "name": "J.R.R. Tolkien",
        "bio": "A professor of old languages who made up new ones, and then a world in which to speak them.",
        "country": "United Kingdom",
        "books": ["The Hobbit", "The Fellowship of the Ring", "The Two Towers"],
    },
    {
        "name": "George R.R. Martin",
        "bio": "A writer for page and screen, best known for seven kingdoms and for taking his time.",
        "country": "United States",
        "books": ["A Game of Thrones", "A Clash of Kings"],
    },
    {
        "name": "J.K. Rowling",
        "bio": "A novelist who sent a boy to a school of magic, and many children to their shelves.",
        "country": "United Kingdom",
        "books": ["Harry Potter and the Philosopher's Stone", "Harry Potter and the Chamber of Secrets"],
    },
]


class Command(BaseCommand):
    help = "Seed three authors and seven books. May be run again: it adds what is missing and overwrites nothing."

    @transaction.atomic
    def handle(self, **_options):
        authors_added = books_added = 0
        for entry in CATALOG:
            author, is_new = self._author(entry)
            titles = self._missing_titles(author, entry["books"])
            Book.objects.bulk_create(Book(author=author, title=title) for title in titles)
            state = "added" if is_new else "already here"
            self.stdout.write(f"{author.name}: {state}, {_books(len(titles))} added")
            authors_added += is_new
            books_added += len(titles)
        self.stdout.write(self.style.SUCCESS(f"Added {_authors(authors_added)} and {_books(books_added)}."))

    def _author(self, entry):
        """The author of that name and whether they are new; the oldest, where someone has added a namesake."""
        author = Author.objects.filter(name=entry["name"]).order_by("id").first()
        if author is None:
            facts = {field: entry[field] for field in ("name", "bio", "country")}
            return Author.objects.create(**facts), True
        if not author.country:
            # Seeded before the second migration gave authors a country.
            author.country = entry["country"]
            author.save(update_fields=["country"])
        return author, False

    def _missing_titles(self, author, titles):
        present = set(author.books.values_list("title", flat=True))
        return [title for title in titles if title not in present]


def _authors(number):
    return "1 author" if number == 1 else f"{number} authors"


def _books(number):
    return "1 book" if number == 1 else f"{number} books"
