"""Django's PostgreSQL backend, for a server that sleeps, wakes and moves: `ENGINE = "django_dormouse.backend"`."""
