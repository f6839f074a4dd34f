import os

import pytest

from dormouse.compute.account import Account, server_account


def test_owner_is_user_and_group() -> None:
    assert Account(name="postgres", uid=101, gid=104).owner == (101, 104)


@pytest.mark.skipif(os.geteuid() == 0, reason="root needs somebody else")
def test_somebody_runs_postgres_as_himself() -> None:
    assert server_account() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs somebody else")
def test_root_runs_postgres_as_somebody_else() -> None:
    account = server_account()

    assert account is not None
    assert account.name in ("postgres", "nobody")
    assert account.uid != 0
