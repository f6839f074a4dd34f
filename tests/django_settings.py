"""The smallest settings: what the type checker loads, and tests that run Django in their own process."""

SECRET_KEY = "only for tests"
INSTALLED_APPS = ["django_dormouse"]
USE_TZ = True
DATABASES: dict[str, dict[str, object]] = {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
