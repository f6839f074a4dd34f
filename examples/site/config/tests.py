"""What the settings read, and what the foot of a page is made of."""

import os
from unittest import mock

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection, connections
from django.test import SimpleTestCase, TestCase, TransactionTestCase

from config import environment
from config.database_use import DatabaseUse


class EnvironmentTests(SimpleTestCase):
    def test_flags_are_words_that_mean_yes_or_no(self):
        for word, expected in {"true": True, " Yes ": True, "1": True, "off": False, "0": False, "": True}.items():
            with self.subTest(word), mock.patch.dict(os.environ, {"ANSWER": word}):
                self.assertIs(environment.flag("ANSWER", default=True), expected)

    def test_a_flag_with_a_typing_mistake_is_refused(self):
        with (
            mock.patch.dict(os.environ, {"ANSWER": "flase"}),
            self.assertRaisesMessage(ImproperlyConfigured, "flase"),
        ):
            environment.flag("ANSWER", default=False)

    def test_names_are_separated_by_commas(self):
        with mock.patch.dict(os.environ, {"HOSTS": "a.example, b.example,"}):
            self.assertEqual(environment.names("HOSTS"), ["a.example", "b.example"])


class DatabaseUseTests(TestCase):
    def test_counts_queries_and_their_time_by_alias(self):
        with DatabaseUse().watching() as use:
            for _ in range(2):
                connection.cursor().execute("SELECT pg_sleep(0.01)")

        (share,) = use.answered
        self.assertEqual((share.alias, share.queries, share.connects), ("default", 2, 0))
        self.assertGreaterEqual(share.query_ms, 20)

    def test_says_nothing_when_nothing_was_asked(self):
        with DatabaseUse().watching() as use:
            pass

        self.assertEqual((use.answered, use.unreachable), ([], []))


class ConnectTests(TransactionTestCase):
    def test_counts_the_time_until_there_was_a_connection(self):
        connection.close()

        with DatabaseUse().watching() as use:
            connection.cursor().execute("SELECT 1")

        (share,) = use.answered
        self.assertEqual((share.queries, share.connects), (1, 1))
        self.assertGreater(share.connect_ms, 0)

    def test_names_a_database_that_cannot_be_reached(self):
        connection.close()
        failure = connection.Database.OperationalError("nobody there")

        with (
            mock.patch.object(type(connections["default"]), "get_new_connection", side_effect=failure),
            DatabaseUse().watching() as use,
            self.assertRaises(OperationalError),
        ):
            connection.ensure_connection()

        self.assertEqual([share.alias for share in use.unreachable], ["default"])
