"""What a user's own tests look like; run by the project's test runner."""

import threading
from unittest import skipUnless

from django.db import connections, transaction
from django.test import TestCase, TransactionTestCase

from django_dormouse.testing import lagging
from library.models import Note


class OneDatabaseTest(TestCase):
    def test_reads_see_what_the_test_wrote(self):
        Note.objects.create(title="a")

        assert Note.objects.get().title == "a"
        assert Note.objects.all().db == "default"

    def test_pages_see_what_the_test_wrote(self):
        self.client.post("/write/?title=a")

        assert self.client.get("/read/").json() == {"titles": ["a"], "from": "default"}


class MirrorTest(TestCase):
    databases = frozenset({"default", "replica"})

    def test_a_replica_asked_by_name_sees_it_too(self):
        Note.objects.create(title="a")

        assert Note.objects.using("replica").get().title == "a"
        assert connections["replica"].connection is connections["default"].connection

    def test_nested_blocks_on_both(self):
        with transaction.atomic(using="replica"):
            Note.objects.create(title="a")
            assert Note.objects.using("replica").count() == 1

        assert Note.objects.count() == 1


class CommittedTest(TransactionTestCase):
    def test_other_threads_see_what_is_committed(self):
        Note.objects.create(title="a")
        seen = []

        def look():
            seen.append((Note.objects.count(), Note.objects.all().db))
            connections.close_all()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

        assert seen == [(1, "default")]


class CommittedMirrorTest(TransactionTestCase):
    databases = frozenset({"default", "replica"})

    def test_a_replica_asked_by_name(self):
        Note.objects.create(title="a")

        assert Note.objects.using("replica").get().title == "a"


@skipUnless("replica" in connections, "there is no replica")
class LaggingTest(TransactionTestCase):
    databases = frozenset({"default", "replica"})

    def test_who_wrote_sees_it_while_the_replica_lags(self):
        with lagging("replica"):
            self.client.post("/write/?title=a")

            assert self.client.get("/read/").json() == {"titles": ["a"], "from": "default"}
            assert self.client_class().get("/read/").json() == {"titles": [], "from": "replica"}

    def test_is_a_mirror_again_afterwards(self):
        Note.objects.exists()
        with lagging():
            Note.objects.using("replica").exists()
            assert connections["replica"].connection is not connections["default"].connection

        Note.objects.using("replica").exists()
        assert connections["replica"].connection is connections["default"].connection
