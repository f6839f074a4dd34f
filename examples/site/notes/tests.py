"""What the pages of the notes promise."""

from unittest import skipUnless

from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client, TestCase, TransactionTestCase
from django.urls import reverse

from django_dormouse.testing import lagging
from notes.models import Note


class NotesTestCase(TestCase):
    databases = "__all__"


class ListTests(NotesTestCase):
    def test_shows_the_newest_note_first(self):
        for title in ("first", "second", "third"):
            Note.objects.create(title=title, content="…")

        response = self.client.get("/")

        self.assertEqual([note.title for note in response.context["note_list"]], ["third", "second", "first"])

    def test_is_cut_into_pages(self):
        Note.objects.bulk_create(Note(title=f"note {number}", content="…") for number in range(11))

        response = self.client.get("/", {"page": 2})

        self.assertContains(response, "Page 2 of 2")
        self.assertEqual(len(response.context["note_list"]), 1)

    def test_says_so_when_there_is_nothing(self):
        self.assertContains(self.client.get("/"), "There are no notes yet.")

    def test_shows_markup_as_text(self):
        Note.objects.create(title="<b>bold</b>", content="<script>alert(1)</script>")

        response = self.client.get("/")

        self.assertContains(response, "&lt;b&gt;bold&lt;/b&gt;")
        self.assertNotContains(response, "<script>")

    def test_tells_which_database_was_asked(self):
        response = self.client.get("/")

        self.assertContains(response, "This page was read from")
        self.assertGreater(sum(share.queries for share in response.wsgi_request.database_use.answered), 0)


class CreateTests(NotesTestCase):
    def test_a_saved_note_is_on_the_page_that_follows(self):
        response = self.client.post("/create/", {"title": "Nuts", "content": "Hazel."}, follow=True)

        self.assertRedirects(response, "/")
        self.assertContains(response, "Saved “Nuts”.")
        self.assertContains(response, "Hazel.")

    def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_saved(self):
        response = self.client.post("/create/", {"title": "   ", "content": "Hazel."})

        self.assertFormError(response.context["form"], "title", "Give the note a title.")
        self.assertContains(response, "Hazel.")
        self.assertFalse(Note.objects.exists())

    def test_a_title_that_does_not_fit_is_refused(self):
        response = self.client.post("/create/", {"title": "x" * 201, "content": "Hazel."})

        self.assertIn("at most 200 characters", response.context["form"].errors["title"][0])

    def test_a_form_from_elsewhere_is_refused(self):
        response = Client(enforce_csrf_checks=True).post("/create/", {"title": "Nuts", "content": "Hazel."})

        self.assertEqual(response.status_code, 403)


class DeleteTests(NotesTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.note = Note.objects.create(title="Nuts", content="Hazel.")

    def test_asks_before_it_deletes(self):
        response = self.client.get(f"/delete/{self.note.pk}/")

        self.assertContains(response, "Delete this note?")
        self.assertTrue(Note.objects.filter(pk=self.note.pk).exists())

    def test_deletes_when_told_to(self):
        response = self.client.post(f"/delete/{self.note.pk}/", follow=True)

        self.assertContains(response, "Deleted the note.")
        self.assertFalse(Note.objects.exists())

    def test_a_note_that_is_gone_is_a_404(self):
        response = self.client.get("/delete/0/")

        self.assertContains(response, "There is nothing here", status_code=404)


class AdminTests(NotesTestCase):
    def test_lists_forms_and_searches_work(self):
        self.client.force_login(get_user_model().objects.create_superuser("admin"))
        Note.objects.create(title="Nuts", content="Hazel.")

        for model in ("catalog_author", "catalog_book", "notes_note"):
            changelist = reverse(f"admin:{model}_changelist")
            for url in (changelist, f"{changelist}?q=nuts", reverse(f"admin:{model}_add")):
                with self.subTest(url):
                    self.assertEqual(self.client.get(url).status_code, 200)


@skipUnless("replica" in connections, "DATABASE_REPLICA_URL names no replica")
class LaggingReplicaTests(TransactionTestCase):
    databases = "__all__"

    def test_a_new_note_is_on_the_page_that_follows(self):
        with lagging("replica"):
            response = self.client.post("/create/", {"title": "Nuts", "content": "Hazel."}, follow=True)

            self.assertContains(response, "Nuts</h2>")
