import re

import pytest

from dormouse import errors


def drawn_tree() -> dict[str, str]:
    """Of each error in the module's drawing, the one above it."""
    above: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([│├└─ ]*)([A-Z]\w+)", line):
            depth = len(found[1]) // 4
            path[depth:] = [found[2]]
            if depth:
                above[found[2]] = path[depth - 1]
    return above


def test_the_tree_is_as_drawn() -> None:
    found = {name: getattr(errors, name).__base__.__name__ for name in errors.__all__ if name != "DormouseError"}

    assert found == drawn_tree()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.Invalid, 400),
        (errors.NotFound, 404),
        (errors.EndpointNotFound, 404),
        (errors.Conflict, 409),
        (errors.RuleViolation, 422),
        (errors.EndpointDisabled, 422),
        (errors.Locked, 423),
    ],
)
def test_statuses_of_the_api(kind: type[errors.RequestError], status: int) -> None:
    assert kind("no").status == status


def test_a_failed_start_hints_at_the_log() -> None:
    assert errors.StartFailed("it ended", "FATAL: no").hint == "FATAL: no"
