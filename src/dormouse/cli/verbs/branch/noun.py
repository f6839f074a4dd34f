"""The noun, and what its verbs have in common."""

from typing import Annotated

import typer

from dormouse.api.json_form import moment_text
from dormouse.api.records import Branch
from dormouse.cli.completing import branch_names
from dormouse.cli.group import group
from dormouse.cli.session import Session

__all__ = ["MaybeNamed", "Named", "branch", "is_pinned", "marks_of"]

branch = group("Branches: each a database cluster of its own, made from another one's data.")

Named = Annotated[str, typer.Argument(metavar="BRANCH", help="Name or id.", autocompletion=branch_names)]
MaybeNamed = Annotated[
    str | None,
    typer.Argument(
        metavar="BRANCH",
        help="Name or id; default: the pinned one, or the default branch.",
        autocompletion=branch_names,
    ),
]


def is_pinned(session: Session, found: Branch) -> bool:
    """Whether it is the pinned one."""
    return found.project_id == session.pinned.project and session.pinned.branch in (found.id, found.name)


def marks_of(found: Branch) -> list[str]:
    """What is to be seen of it at a glance: `default`, `protected`, when it expires."""
    marks = ["default"] if found.default else []
    if found.protected:
        marks.append("protected")
    if found.expires_at is not None:
        marks.append(f"expires {moment_text(found.expires_at)}")
    return marks
