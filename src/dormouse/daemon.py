"""The platform's process: `python -m dormouse.daemon`, started by `dormouse up`.

Settings come from `DORMOUSE_*`. How the start went is written as one line of JSON to the file descriptor in
`--report-to`, so that whoever started it in the background can say so: `{"ready": {…}}` or
`{"error": …, "hint": …}`.
"""

import argparse
import json
import logging
import os
import sys
from dataclasses import asdict
from typing import Any

import uvloop

from dormouse import log_lines
from dormouse.assembly import run_until_signalled
from dormouse.config import Settings
from dormouse.errors import DormouseError
from dormouse.home import PlatformFile

__all__ = ["main"]

logger = logging.getLogger("dormouse")


def main() -> int:
    """Serve until told to stop. Returns the exit code: 1 when the platform could not start."""
    parser = argparse.ArgumentParser(prog="python -m dormouse.daemon", description="Run the platform's process.")
    parser.add_argument("--report-to", type=int, metavar="FD", help="tell this descriptor how the start went")
    chosen = parser.parse_args()
    log_lines.configure()
    try:
        settings = Settings.from_environment(os.environ)
        uvloop.run(run_until_signalled(settings, lambda there: _announce(chosen.report_to, there)))
    except DormouseError as error:
        return _refuse(chosen.report_to, error)
    except BaseExceptionGroup as group:
        # What a task group raises; a mistake of the user's is alone in it.
        known, others = group.split(DormouseError)
        if known is None or others is not None:
            raise
        return _refuse(chosen.report_to, _first(known))
    return 0


def _first(group: BaseExceptionGroup[DormouseError]) -> DormouseError:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _announce(descriptor: int | None, there: PlatformFile) -> None:
    logger.info("the platform serves", extra={"action": "platform_ready", **_renamed(asdict(there))})
    _report(descriptor, {"ready": asdict(there)})


def _refuse(descriptor: int | None, error: DormouseError) -> int:
    logger.error("the platform cannot start", extra={"action": "platform_failed", "reason": error.message})
    if descriptor is None:
        print(f"{error.message}\n{error.hint}".strip(), file=sys.stderr)
    _report(descriptor, {"error": error.message, "hint": error.hint})
    return 1


def _report(descriptor: int | None, content: dict[str, Any]) -> None:
    if descriptor is not None:
        with os.fdopen(descriptor, "w", encoding="utf-8") as pipe:
            pipe.write(json.dumps(content) + "\n")


def _renamed(facts: dict[str, Any]) -> dict[str, Any]:
    """A log record has a `process` of its own."""
    return {("platform_pid" if key == "pid" else key): value for key, value in facts.items()}


if __name__ == "__main__":
    sys.exit(main())
