"""The settings of one run of Django's own tests; run.py tells where the databases are."""

import json
import os

DATABASES = json.loads(os.environ["SUITE_DATABASES"])
TEST_RUNNER = "recording.Runner"

# As in Django's own example, test_sqlite.py.
SECRET_KEY = "for tests"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
