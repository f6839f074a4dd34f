"""The page about refusals says what the code does."""

from dormouse.proxy import refusals
from dormouse.proxy.refusals import Refusal
from refusals_reference import PAGE, ROWS, page


def test_the_page_is_made_from_the_code() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python tests/refusals_reference.py"


def test_no_refusal_is_missing() -> None:
    told = {refusal for _, refusal, _ in ROWS}

    assert {value for value in vars(refusals).values() if isinstance(value, Refusal)} <= told
