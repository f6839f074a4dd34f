"""Every driver, on the file system of the temporary folder; `make soak` goes to others."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fix_platform import new_home

from dormouse.storage.copying import CopyDriver
from dormouse.storage.driver import Driver
from dormouse.storage.reflink import ReflinkDriver
from fix_folder import on_disk
from fix_storage import conform


@pytest.fixture
def folder() -> Iterator[Path]:
    made = new_home(within=on_disk()).parent
    yield made
    shutil.rmtree(made)


@pytest.fixture(params=[CopyDriver, ReflinkDriver], ids=lambda driver: driver.name)
def driver(request: pytest.FixtureRequest, folder: Path) -> Driver:
    made: Driver = request.param()
    probe = made.probe(folder)
    if not probe.works:
        pytest.skip(f"not in {folder.parent}: {probe.reason}")
    return made


@pytest.mark.slow
async def test_a_clone_of_a_busy_server_is_whole_and_its_own(driver: Driver, folder: Path) -> None:
    told = await conform(driver, folder, scale=3)

    print(f"{driver.name}: {told}")
    assert told.size_bytes > 40_000_000
    assert list(folder.iterdir()) == []
