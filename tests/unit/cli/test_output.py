import io
import json
import sys
from datetime import UTC, datetime

import pytest
import typer

from dormouse.cli.output import answer, answer_json, fails_politely, say, table
from dormouse.errors import DormouseError, NotRunning


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "a  bb"),
        ([{"a": "x", "bb": "y"}], "a  bb\nx  y"),
        ([{"a": "long", "bb": 1}, {"bb": None}], "a     bb\nlong  1\n      None"),
        ([{"a": "☃ ☃", "bb": "", "unasked": "z"}], "a    bb\n☃ ☃"),
    ],
)
def test_columns_are_as_wide_as_their_widest(rows: list[dict[str, object]], expected: str) -> None:
    assert table(("a", "bb"), rows) == expected


def test_the_answer_goes_to_standard_output_and_the_conversation_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer("postgresql://")
    say("the platform serves")

    assert capsys.readouterr() == ("postgresql://\n", "the platform serves\n")


def test_json_is_for_programs_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    answer_json({"at": datetime(2026, 1, 1, tzinfo=UTC), "name": "☃"})

    assert json.loads(capsys.readouterr().out) == {"at": "2026-01-01 00:00:00+00:00", "name": "☃"}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotRunning("no platform runs", "start it"), "dormouse: no platform runs\n  start it\n"),
        (DormouseError("no"), "dormouse: no\n"),
    ],
)
def test_a_known_error_is_a_sentence_and_a_hint(
    error: DormouseError, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @fails_politely
    def command() -> None:
        raise error

    with pytest.raises(typer.Exit) as caught:
        command()

    assert caught.value.exit_code == 1
    assert capsys.readouterr() == ("", said)


def test_an_unknown_error_is_not_hidden() -> None:
    @fails_politely
    def command() -> None:
        raise KeyError("a defect")

    with pytest.raises(KeyError):
        command()


def test_a_reader_that_goes_away_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    @fails_politely
    def command() -> None:
        raise BrokenPipeError

    with pytest.raises(typer.Exit) as caught:
        command()

    assert caught.value.exit_code == 0


def test_what_succeeds_is_as_it_was() -> None:
    @fails_politely
    def command(text: str, *, loud: bool) -> None:
        """Say it."""
        said.append((text, loud))

    said: list[tuple[str, bool]] = []
    command("a", loud=True)

    assert said == [("a", True)]
    assert command.__doc__ == "Say it."
