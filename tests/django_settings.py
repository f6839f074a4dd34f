"""The smallest settings: what the type checker and tests that need no database load."""

SECRET_KEY = "only for tests"
INSTALLED_APPS = ["django_dormouse"]
USE_TZ = True
