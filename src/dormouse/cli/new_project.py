"""A new Django project: the template of `django_dormouse`, rendered by Django, and a `.env` that stays at home."""

import importlib.util
import keyword
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dormouse.errors import UserError
from dormouse.storage.durable import write_atomically

__all__ = ["make_project", "module_name"]

# Django renders these besides *.py.
_EXTENSIONS = "py,toml,md,yml"
_NAMES = ("Dockerfile",)


def module_name(name: str) -> str:
    """The name by which Django knows it: `my-shop` → `my_shop`. Raises UserError."""
    found = re.sub(r"[-. ]+", "_", name).lower()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", found) or keyword.iskeyword(found):
        raise UserError(
            f"{name!r} is no name for a project", "begin with a letter; then letters, digits, - and _ (my-shop)"
        )
    return found


def make_project(folder: Path, url: str | None, environ: Mapping[str, str]) -> None:
    """Make `folder` with a project in it; all or nothing. `url` goes into its `.env`.

    Raises UserError.
    """
    name = module_name(folder.name)
    if folder.exists():
        raise UserError(f"{folder} is already there", "choose another name, or remove it")
    found = importlib.util.find_spec("django_dormouse")
    if found is None or found.origin is None:
        raise UserError("django_dormouse is not installed beside this command", "reinstall django-dormouse")
    building = folder.with_name(f".{folder.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir(parents=True)
        _render(name, Path(found.origin).parent / "project_template", building, environ)
        lines = [
            "# Of this machine alone; .env.example says what else there is.",
            # A quote in a password ends the value; percent-encoded it means the same to libpq.
            f"DATABASE_URL='{(url or '').replace(chr(39), '%27')}'",
            f"SECRET_KEY='{secrets.token_urlsafe(50)}'",
        ]
        write_atomically(building / ".env", "\n".join(lines) + "\n", mode=0o600)
        building.rename(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror or error}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _render(name: str, template: Path, target: Path, environ: Mapping[str, str]) -> None:
    named = [word for file in _NAMES for word in ("--name", file)]
    done = subprocess.run(
        [sys.executable, "-m", "django", "startproject", name, str(target), "--template", str(template),
         "--extension", _EXTENSIONS, *named,
         # Where nothing is left out by name, Django leaves out all folders that begin with a dot.
         "--exclude", "__pycache__"],
        # A project's own settings, in the environment of whoever calls, are not the new project's.
        env={key: value for key, value in environ.items() if key != "DJANGO_SETTINGS_MODULE"},
        cwd=os.fspath(target),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise UserError((done.stderr.strip() or done.stdout.strip()).removeprefix("CommandError: "))
