import random
from datetime import UTC, datetime
from pathlib import Path

from dormouse.compute.account import Account
from dormouse.control.machine import Machine
from dormouse.names import EndpointId
from dormouse.storage.copying import CopyDriver
from dormouse.storage.layout import Layout


def machine(account: Account | None = None) -> Machine:
    return Machine(
        layout=Layout(Path("/home/anna/dormouse")),
        installed=(),
        account=account,
        driver=CopyDriver(),
        sockets=Path("/run/s"),
        chance=random.Random(1),
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_a_socket_folder_has_a_short_name() -> None:
    assert machine().socket_dir(EndpointId("ep-delicate-wildflower-a5x6y7z8")) == Path("/run/s/a5x6y7z8")


def test_files_belong_to_the_user_of_postgres() -> None:
    assert machine().owner is None
    assert machine(Account(name="postgres", uid=101, gid=104)).owner == (101, 104)
