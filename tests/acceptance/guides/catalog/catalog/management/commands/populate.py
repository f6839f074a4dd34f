from django.core.management.base import BaseCommand

from catalog.models import Author, Book

SHELVES = {
    "J.R.R. Tolkien": ["The Hobbit", "The Fellowship of the Ring", "The Two Towers"],
    "George R.R. Martin": ["A Game of Thrones", "A Clash of Kings"],
    "J.K. Rowling": ["Harry Potter and the Philosopher's Stone", "Harry Potter and the Chamber of Secrets"],
}


class Command(BaseCommand):
    def handle(self, *args, **options):
        for name, titles in SHELVES.items():
            author = Author.objects.create(name=name, bio=f"{name} writes.")
            for title in titles:
                Book.objects.create(title=title, author=author)
        self.stdout.write("done")
