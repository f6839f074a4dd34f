"""psql for `manage.py dbshell`: found, able to do what the settings ask, and told all of them."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.management.base import CommandError
from django.db.backends.postgresql.client import DatabaseClient as DjangoDatabaseClient

from django_dormouse.libpq import VARIABLES

__all__ = ["DatabaseClient", "lacks_tls"]

_HOW_TO_GET_ONE = (
    "Install PostgreSQL's client: `apt-get install postgresql-client`, `dnf install postgresql`, "
    "`brew install libpq`."
)


class DatabaseClient(DjangoDatabaseClient):
    """Django's, with all that libpq can be told by its environment."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """psql's arguments, and what is added to its environment.

        Django passes on six of libpq's keywords. `hostaddr`, `channel_binding` and `options` are among the
        others, and a local endpoint cannot be reached without the first.
        """
        arguments, django_environment = super().settings_to_cmd_args_env(settings_dict, parameters)
        options: Mapping[str, Any] = settings_dict.get("OPTIONS", {})
        environment = {VARIABLES[key]: str(value) for key, value in options.items() if key in VARIABLES}
        return arguments, {**environment, **(django_environment or {})} or None

    def runshell(self, parameters: Iterable[str]) -> None:
        """Give the terminal to psql. Raises CommandError if there is none that could do it."""
        program = shutil.which(self.executable_name)
        if program is None:
            raise CommandError(f"psql is not installed, or not on PATH. {_HOW_TO_GET_ONE}")
        if self.connection.settings_dict["OPTIONS"].get("sslmode") in {"require", "verify-ca", "verify-full"}:
            # Asked of a socket that cannot exist, which takes some milliseconds and reaches nobody.
            asked = subprocess.run(
                [program, "-X", "-w", "host=/nonexistent sslmode=require"],
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if lacks_tls(asked.stderr):
                raise CommandError(
                    f"{program} was built without TLS, which this database wants. {_HOW_TO_GET_ONE}"
                )
        super().runshell(parameters)


def lacks_tls(complaint: str) -> bool:
    """Whether a libpq that was asked for `sslmode=require` says that it cannot."""
    return "SSL support is not compiled in" in complaint
