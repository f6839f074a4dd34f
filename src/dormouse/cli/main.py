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
        "open": {},
        "env": {},
        # What stands behind `--` is psql's.
        "psql": {"allow_extra_args": True, "ignore_unknown_options": True},
        "doctor": {},
        "logs": {},
        "demo": {},
        "new": {},
        "project": {},
        "branch": {},
        "checkout": {},
        "snapshot": {},
        "replica": {},
        "compute": {},
        "role": {},
        "database": {},
        "operation": {},
        "fault": {},
        "login": {},
        "logout": {},
        "completion": {},
    }
)
"""In the order of `--help`, each with the settings of its parser."""


class _Verbs(TyperGroup):
    """Looks a verb up when it is called."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # From these typer finds what somebody may have meant; nobody else looks at them.
        self.commands: Any = dict.fromkeys(VERBS)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's
        """All of them."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click's
        """The verb's function as a command, or its group of verbs."""
        if cmd_name not in VERBS:
            return None
        verb = getattr(import_module(f"dormouse.cli.verbs.{cmd_name}"), cmd_name)
        if isinstance(verb, typer.Typer):
            return typer.main.get_command(verb)
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        alone.command(cmd_name, context_settings=VERBS[cmd_name])(verb)
        return typer.main.get_command(alone)


app = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def dormouse() -> None:
    """Serverless Postgres for Django, on your own machine. `dormouse up --help` tells the settings.

    The verbs about projects work at the platform of DORMOUSE_HOME, unless NEON_API_KEY is set, or `dormouse login`
    stored a key: then at Neon. `dormouse status` says which; --local and --neon overrule.
    """


def main() -> None:
    """The entry point."""
    app(prog_name="dormouse")
