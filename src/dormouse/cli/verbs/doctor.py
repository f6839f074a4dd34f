"""`dormouse doctor`"""

import os
from dataclasses import asdict

import typer

from dormouse.cli.doctor import examine
from dormouse.cli.options import AsJson
from dormouse.cli.output import answer, answer_json, fails_politely
from dormouse.cli.settings import settings_with

__all__ = ["doctor"]


@fails_politely
def doctor(*, as_json: AsJson = False) -> None:
    """Examine this machine: which Postgres, which storage, what is missing; exit 1 if something must be mended.

    Example: dormouse doctor
    """
    findings = examine(settings_with(), os.environ)
    if as_json:
        answer_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            answer(f"{finding.mark} {finding.subject}: {finding.text}")
            if finding.hint:
                answer(f"    {finding.hint}")
    if any(finding.level == "problem" for finding in findings):
        raise typer.Exit(1)
