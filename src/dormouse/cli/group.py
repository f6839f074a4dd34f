"""A noun of the command: `dormouse branch`, with verbs of its own."""

import typer

__all__ = ["group"]


def group(sentence: str) -> typer.Typer:
    """An empty group that shows its help when it is called without a verb."""
    return typer.Typer(
        help=sentence,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
