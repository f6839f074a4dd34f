"""`dormouse completion`"""

from typing import Annotated

import typer
from typer._completion_shared import get_completion_script

from dormouse.cli.output import AskedWrongly, answer, fails_politely

__all__ = ["completion"]

SHELLS = ("bash", "zsh", "fish")


@fails_politely
def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help=f"One of: {', '.join(SHELLS)}.")],
) -> None:
    """Print the script by which a shell completes `dormouse`.

    Example: dormouse completion bash > ~/.local/share/bash-completion/completions/dormouse
    """
    if shell not in SHELLS:
        raise AskedWrongly(f"the shell is {shell!r}; expected one of {', '.join(SHELLS)}")
    answer(get_completion_script(prog_name="dormouse", complete_var="_DORMOUSE_COMPLETE", shell=shell))
