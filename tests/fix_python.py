"""The environment of Python programs that a test starts."""

import os

from dormouse.compute.environment import child_environment

__all__ = ["python_environment"]


def python_environment() -> dict[str, str]:
    """A Postgres program's, with a locale in which this folder may have any name: Python 3.11 reads the files
    that say where packages are in the locale's encoding."""
    return child_environment(os.environ) | {"LC_ALL": "C.UTF-8"}
