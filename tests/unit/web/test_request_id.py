from random import Random
from uuid import UUID

import pytest

from dormouse.web.request_id import choose_request_id


@pytest.mark.parametrize("offered", ["a", "5c5b8a2f-c8be-430c-8499-9869326d7715", "job_7.retry", "x" * 72])
def test_fit_names_are_kept(offered: str) -> None:
    assert choose_request_id(offered, Random(1)) == offered


@pytest.mark.parametrize("offered", [None, "", "a b", "a\nb", "ü", "x" * 73, "<b>"])
def test_others_are_replaced_by_a_uuid(offered: str | None) -> None:
    assert UUID(choose_request_id(offered, Random(1))).version == 4
