"""The command and its verbs: options in, one call, the answer out.

What runs the platform itself is `dormouse.daemon`, in a process of its own; a verb is imported when it is used.
"""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

import typer
from typer.core import TyperGroup

__all__ = ["VERBS", "app", "main"]

VERBS: Final[Mapping[str, dict[str, Any]]] = MappingProxyType(
    {
        "up": {},
        "down": {},
        "status": {},
        "env": {},
        # What stands behind `--` is psql's.
        "psql": {"allow_extra_args": True, "ignore_unknown_options": True},
        "doctor": {},
        "logs": {},
        "demo": {},
    }
)
"""In the order of `--help`, each with the settings of its parser."""


class _Verbs(TyperGroup):
    """Looks a verb up when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's
        """All of them."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click's
        """The verb's function as a command."""
        if cmd_name not in VERBS:
            return None
        module = import_module(f"dormouse.cli.verbs.{cmd_name}")
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        alone.command(cmd_name, context_settings=VERBS[cmd_name])(getattr(module, cmd_name))
        return typer.main.get_command(alone)


app = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def dormouse() -> None:
    """Serverless Postgres for Django, on your own machine. `dormouse up --help` tells the settings."""


def main() -> None:
    """The entry point."""
    app(prog_name="dormouse")
