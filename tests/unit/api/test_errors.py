import pytest

from dormouse.api.errors import ApiError, Busy, Exists, Missing, NotAuthenticated, Refused, refusal
from dormouse.errors import DormouseError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, NotAuthenticated),
        (404, Missing),
        (409, Exists),
        (422, Refused),
        (423, Busy),
        (503, Refused),
    ],
)
def test_refusals_are_as_narrow_as_the_tree_has_them(status: int, kind: type[Refused]) -> None:
    error = refusal(status, "CODE", "no", "id-1")

    assert type(error) is kind
    assert (error.status, error.code, error.message, error.request_id) == (status, "CODE", "no", "id-1")
    assert str(error) == "no"


def test_all_are_one_family() -> None:
    assert issubclass(Refused, ApiError) and issubclass(ApiError, DormouseError)
