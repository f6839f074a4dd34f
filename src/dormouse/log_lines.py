"""How the platform's log reads: a constant sentence, then the facts as `key=value`."""

import logging
import sys
from datetime import UTC, datetime
from typing import Final

__all__ = ["Formatter", "configure"]

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class Formatter(logging.Formatter):
    """`2026-01-01T00:00:00.000Z INFO dormouse.compute compute is ready action=… endpoint=…`"""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it if there is one."""
        stamp = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
        facts = "".join(f" {key}={_shown(value)}" for key, value in vars(record).items() if key not in _STANDARD)
        line = f"{stamp} {record.levelname} {record.name} {record.getMessage()}{facts}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(level: int = logging.INFO) -> None:
    """Send everything to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _shown(value: object) -> str:
    text = str(value)
    # A space would end the value, and a control character may come from a stranger.
    return text if text.isprintable() and text and " " not in text else repr(text)
