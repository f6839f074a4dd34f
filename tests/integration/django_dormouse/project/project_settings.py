"""A small site on whatever databases the environment names."""

import json
import os

import django_dormouse

SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "project_urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_dormouse",
    "library",
]
MIDDLEWARE = [
    "django_dormouse.replicas.Middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = django_dormouse.databases(**json.loads(os.environ.get("OVERRIDES", "{}")))
DATABASE_ROUTERS = ["django_dormouse.replicas.Router"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
globals().update(json.loads(os.environ.get("SETTINGS", "{}")))
