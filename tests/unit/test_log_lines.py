import logging
import sys
from collections.abc import Iterator

import pytest

from dormouse.log_lines import Formatter, configure


def line(message: str = "compute is ready", **facts: object) -> str:
    record = logging.makeLogRecord(
        {"name": "dormouse.compute", "levelname": "INFO", "created": 0.0, "msg": message, **facts}
    )
    return Formatter().format(record)


def test_line_is_moment_level_name_and_sentence() -> None:
    assert line() == "1970-01-01T00:00:00.000Z INFO dormouse.compute compute is ready"


def test_facts_follow_in_their_order() -> None:
    assert line(action="wake", endpoint="ep-a", duration_ms=30).endswith(
        " compute is ready action=wake endpoint=ep-a duration_ms=30"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("", "''"),
        ("two words", "'two words'"),
        ("line\nFATAL forged", r"'line\nFATAL forged'"),
        ("a\u2028b", r"'a\u2028b'"),
        ("\x1b[2J", r"'\x1b[2J'"),
        ("100%s", "100%s"),
        ("☃", "☃"),
        (None, "None"),
    ],
)
def test_a_value_stays_one_word_on_one_line(value: object, shown: str) -> None:
    assert line(fact=value).endswith(f" fact={shown}")


def test_the_traceback_stands_below() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        lines = line(exc_info=sys.exc_info(), action="x").splitlines()

    assert lines[0].endswith("compute is ready action=x")
    assert lines[-1] == "ValueError: no"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back afterwards."""
    found = logging.getLogger()
    handlers, level = found.handlers[:], found.level
    found.handlers = []
    yield found
    found.handlers, found.level = handlers, level
    logging.getLogger("uvicorn").setLevel(logging.NOTSET)


def test_configured_logging_goes_to_standard_error(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure()
    logging.getLogger("dormouse.test").info("it serves", extra={"action": "up"})
    logging.getLogger("dormouse.test").debug("a detail")
    logging.getLogger("uvicorn.access").info("GET /")

    shown = capsys.readouterr()
    assert shown.err.endswith("Z INFO dormouse.test it serves action=up\n")
    assert shown.err.count("\n") == 1
    assert not shown.out
