import pytest

from dormouse.cli.demo_check import _check


@pytest.mark.parametrize(
    ("answer", "passed", "found"),
    [
        ((200, "good page"), True, "200"),
        ((200, "bad page"), False, "200, but not a good page"),
        ((500, "good page"), False, "500"),
        ((0, "connection refused"), False, "no answer: connection refused"),
    ],
)
def test_a_check_is_of_status_and_page(answer: tuple[int, str], passed: bool, found: str) -> None:
    check = _check("GET /", "a good page", lambda: answer, lambda page: page.startswith("good"))

    assert (check.passed, check.found) == (passed, found)


@pytest.mark.parametrize("error", [ValueError, KeyError, IndexError, TypeError])
def test_a_page_of_another_form_is_not_right(error: type[Exception]) -> None:
    def is_right(_page: str) -> bool:
        raise error

    assert not _check("GET /", "a list", lambda: (200, "{"), is_right).passed


def test_what_comes_before_is_no_part_of_the_time_and_happens_first() -> None:
    order: list[str] = []

    def perform() -> tuple[int, str]:
        order.append("asked")
        return 404, ""

    check = _check("GET /", "404", perform, lambda _: True, status=404, before=lambda: order.append("before"))

    assert order == ["before", "asked"]
    assert check.passed
