"""Django with the smallest settings, in this process and without a database."""

import runpy
from pathlib import Path

import django
from django.conf import settings

# By value and not by DJANGO_SETTINGS_MODULE, which every child process of every other test would inherit.
if not settings.configured:
    found = runpy.run_path(str(Path(__file__).parents[2] / "django_settings.py"))
    settings.configure(**{name: value for name, value in found.items() if name.isupper()})
    django.setup()
