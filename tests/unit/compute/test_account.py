import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dormouse.compute.account import Account, run_as, server_account

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def test_owner_is_user_and_group() -> None:
    assert Account(name="postgres", uid=101, gid=104).owner == (101, 104)


@pytest.mark.skipif(os.geteuid() == 0, reason="root needs somebody else")
def test_somebody_runs_postgres_as_himself() -> None:
    assert server_account() is None


@AS_ROOT
def test_root_runs_postgres_as_somebody_else() -> None:
    account = server_account()

    assert account is not None
    assert account.name in ("postgres", "nobody")
    assert account.uid != 0


def test_who_needs_nobody_else_runs_the_command_itself() -> None:
    assert run_as(None, ["/bin/true", "-x"]) == {"args": ["/bin/true", "-x"]}


def rights(account: Account) -> dict[str, str]:
    """What the kernel says of a program that runs as `account`."""
    told = subprocess.run(
        **run_as(account, ["/bin/cat", "/proc/self/status"]), capture_output=True, text=True, check=True
    )
    lines = (line.partition(":") for line in told.stdout.splitlines())
    return {name: " ".join(value.split()) for name, _, value in lines}


@AS_ROOT
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
@pytest.mark.parametrize("has_setpriv", [True, False])
def test_nothing_of_root_is_left(has_setpriv: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_setpriv:
        monkeypatch.setenv("PATH", "/nowhere")
    elif shutil.which("setpriv") is None:
        pytest.skip("this machine has no setpriv")
    uid = 54_321 + has_setpriv  # what was found for one is remembered
    account = Account(name="somebody", uid=uid, gid=54_320)

    found = rights(account)

    assert run_as(account, ["/bin/cat"])["args"][0].endswith("setpriv" if has_setpriv else "cat")
    assert found["Uid"] == f"{uid} {uid} {uid} {uid}"
    assert found["Gid"] == "54320 54320 54320 54320"
    assert found["Groups"] == ""
    assert {found[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0000000000000000"}


@AS_ROOT
def test_a_program_that_is_not_there_is_an_error() -> None:
    account = Account(name="somebody", uid=54_323, gid=54_320)

    with pytest.raises(FileNotFoundError):
        subprocess.run(**run_as(account, ["/usr/bin/there-is-no-such-program"]), check=False)
