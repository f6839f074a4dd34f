"""Settings of the example site. What differs from machine to machine comes from the environment or `.env`."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

import django_dormouse
from config import environment

BASE_DIR = Path(__file__).resolve().parent.parent

# What is already in the environment wins over the file, so that a container needs no file.
load_dotenv(BASE_DIR / ".env")


# Safety: with nothing set, the site refuses to start rather than run open.

DEBUG = environment.flag("DEBUG", default=False)

SECRET_KEY = environment.text("SECRET_KEY")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Put one into .env: "
            "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    SECRET_KEY = "django-insecure-for-development-alone"

# Empty means localhost while DEBUG is on, and nobody while it is off.
ALLOWED_HOSTS = environment.names("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = environment.names("CSRF_TRUSTED_ORIGINS")

# Cookies stay off plain HTTP wherever the site is not being developed; HTTPS=false says that it is served without.
HTTPS = environment.flag("HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS


# Application

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_dormouse",
    "catalog",
    "notes",
]

MIDDLEWARE = [
    # First, because it decides where the reads of all that follows go.
    "django_dormouse.replicas.Middleware",
    # Early too, so that sessions and users are counted.
    "config.database_use.DatabaseUseMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# Which database served each query, and why, for those who develop (pip install django-debug-toolbar).
TOOLBAR = DEBUG and environment.flag("TOOLBAR", default=False)
if TOOLBAR:
    INSTALLED_APPS.append("debug_toolbar")
    MIDDLEWARE.insert(2, "debug_toolbar.middleware.DebugToolbarMiddleware")
    DEBUG_TOOLBAR_PANELS = [
        "debug_toolbar.panels.sql.SQLPanel",
        "debug_toolbar.panels.timer.TimerPanel",
        "django_dormouse.replicas.panel.ReplicasPanel",
    ]
    INTERNAL_IPS = ["127.0.0.1", "::1"]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


# Databases: DATABASE_URL and DATABASE_REPLICA_URL, or PG*, or DB_*. Connections are kept for ten minutes; that a
# compute went to sleep meanwhile is the backend's business and costs a request nothing but the wake.

DATABASES = django_dormouse.databases(conn_max_age=600)
DATABASE_ROUTERS = ["django_dormouse.replicas.Router"]
# The foot of each page says why it was read from where it was read; so does this header, to those who look.
DORMOUSE = {"SERVER_TIMING": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# Users

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]


# Language and time

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True


# Static files: `runserver` serves them while DEBUG is on; elsewhere `collectstatic` gathers them for a web server.

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]


# Logging: warnings and worse to standard error, one line each. LOG_LEVEL=INFO tells more; LOG_SQL=true prints
# every statement, in development alone: Django records them only while DEBUG is on.

LOG_LEVEL = environment.text("LOG_LEVEL", "WARNING").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Named, so that Django's own handlers go and no line is printed twice.
        "django": {"level": LOG_LEVEL},
        "django.db.backends": {"level": "DEBUG" if environment.flag("LOG_SQL", default=False) else "WARNING"},
    },
}
