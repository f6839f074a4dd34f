"""What the catalog promises: its seeds and its JSON."""

from io import StringIO

from django.core.management import call_command
from django.test import TestCase
from django.urls import reverse

from catalog.models import Author, Book


def populate():
    printed = StringIO()
    call_command("populate", stdout=printed, no_color=True)
    return printed.getvalue()


class PopulateTests(TestCase):
    def test_adds_three_authors_and_seven_books(self):
        printed = populate()

        books = {author.name: author.books.count() for author in Author.objects.all()}
        self.assertEqual(books, {"J.R.R. Tolkien": 3, "George R.R. Martin": 2, "J.K. Rowling": 2})
        self.assertIn("Added 3 authors and 7 books.", printed)

    def test_running_it_again_adds_nothing(self):
        populate()

        printed = populate()

        self.assertEqual((Author.objects.count(), Book.objects.count()), (3, 7))
        self.assertIn("Added 0 authors and 0 books.", printed)

    def test_gives_a_country_to_authors_from_before_there_were_countries(self):
        Author.objects.create(name="J.K. Rowling", bio="Mine.")

        populate()

        author = Author.objects.get(name="J.K. Rowling")
        self.assertEqual((author.country, author.bio), ("United Kingdom", "Mine."))

    def test_keeps_what_was_edited_and_puts_back_what_is_missing(self):
        populate()
        Author.objects.filter(name="J.R.R. Tolkien").update(country="Middle-earth")
        Book.objects.filter(title="The Hobbit").delete()

        printed = populate()

        self.assertEqual(Author.objects.get(name="J.R.R. Tolkien").country, "Middle-earth")
        self.assertIn("Added 0 authors and 1 book.", printed)


class JsonTests(TestCase):
    databases = "__all__"

    @classmethod
    def setUpTestData(cls):
        populate()
        cls.tolkien = Author.objects.get(name="J.R.R. Tolkien")

    def test_authors_are_a_list_of_objects_from_one_query(self):
        with self.assertNumQueries(1):
            response = self.client.get(reverse("catalog:authors"))

        self.assertEqual(response["Content-Type"], "application/json")
        authors = response.json()
        self.assertEqual(
            [author["name"] for author in authors], ["George R.R. Martin", "J.K. Rowling", "J.R.R. Tolkien"]
        )
        self.assertEqual(set(authors[0]), {"id", "name", "bio", "country", "created_at"})

    def test_books_of_an_author_take_two_queries_however_many_there_are(self):
        with self.assertNumQueries(2):
            response = self.client.get(reverse("catalog:books", args=[self.tolkien.pk]))

        books = response.json()
        self.assertEqual(
            [book["title"] for book in books], ["The Fellowship of the Ring", "The Hobbit", "The Two Towers"]
        )
        self.assertEqual({book["author"] for book in books}, {"J.R.R. Tolkien"})

    def test_countries_are_counted_in_one_query(self):
        with self.assertNumQueries(1):
            response = self.client.get(reverse("catalog:countries"))

        self.assertEqual(
            response.json(),
            [
                {"country": "United Kingdom", "authors": 2, "books": 5},
                {"country": "United States", "authors": 1, "books": 2},
            ],
        )

    def test_an_author_without_books_has_an_empty_list(self):
        author = Author.objects.create(name="Nobody yet")

        response = self.client.get(reverse("catalog:books", args=[author.pk]))

        self.assertEqual((response.status_code, response.json()), (200, []))

    def test_an_unknown_author_is_a_404_in_json(self):
        for author_id in (0, 10**30):
            response = self.client.get(reverse("catalog:books", args=[author_id]))

            self.assertEqual((response.status_code, set(response.json())), (404, {"error"}))

    def test_only_reading_is_offered(self):
        self.assertEqual(self.client.post(reverse("catalog:authors")).status_code, 405)
