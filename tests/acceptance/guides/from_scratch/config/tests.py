from django.contrib.auth.models import User
from django.test import TestCase


class UserTests(TestCase):
    def test_a_user_is_kept(self):
        User.objects.create_user("reader")

        self.assertTrue(User.objects.filter(username="reader").exists())
