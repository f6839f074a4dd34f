"""The project for a real server. Importing it asks the database, as a parent that preloads may do."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_settings")
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection  # noqa: E402

with connection.cursor() as cursor:
    cursor.execute("SELECT pg_backend_pid()")
    BACKEND_OF_THE_PARENT = cursor.fetchone()[0]

wsgi = get_wsgi_application()
asgi = get_asgi_application()
