"""What the environment says, as the types that settings want. An empty variable counts as unset."""

import os

from django.core.exceptions import ImproperlyConfigured

_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def text(name, default=""):
    """The variable's value, without the blanks around it."""
    return os.environ.get(name, "").strip() or default


def flag(name, *, default):
    """True or False. A typing mistake is refused, because `DEBUG=flase` must not mean anything."""
    word = text(name).lower()
    if not word:
        return default
    if word not in _WORDS:
        raise ImproperlyConfigured(f"{name} is {word!r}; expected one of {', '.join(_WORDS)}.")
    return _WORDS[word]


def names(name):
    """A list, from values separated by commas."""
    return [part.strip() for part in text(name).split(",") if part.strip()]
