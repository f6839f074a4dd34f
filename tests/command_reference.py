"""Makes `docs/reference/command.md` from what `--help` says.

python tests/command_reference.py
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from dormouse.cli.main import VERBS, app

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "command.md"

HEAD = """\
# The command

What `dormouse --help` and `--help` behind every verb say, on one page; made by `tests/command_reference.py`, and a
test compares. [platform.md](platform.md) says what belongs together, and which platform is meant.
"""


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """The command, its verbs, and the verbs of its nouns, each with the words that call it."""
    root = typer.main.get_command(app)
    yield (), root
    for verb in VERBS:
        command = root.get_command(None, verb)  # type: ignore[attr-defined]
        yield (verb,), command
        if isinstance(command, TyperGroup):
            yield from (((verb, name), found) for name, found in command.commands.items())


def help_of(words: tuple[str, ...], command: Any) -> str:
    """What `--help` prints, 80 columns wide."""
    context = command.context_class(command, info_name=" ".join(("dormouse", *words)), terminal_width=80)
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for words, command in commands():
        level = "##" if len(words) < 2 else "###"
        title = " ".join(("dormouse", *words))
        parts.append(f"{level} {title}\n\n```text\n{help_of(words, command)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
