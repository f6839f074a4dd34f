"""The drivers on file systems that the temporary folder is not on: a gigabyte under load, on loop mounts."""

from pathlib import Path

import pytest
from fix_platform import wait_until

from dormouse.storage.choosing import choose_driver
from dormouse.storage.copying import CopyDriver
from dormouse.storage.durable import sync_tree
from dormouse.storage.measuring import usage_of
from dormouse.storage.reflink import ReflinkDriver
from fix_storage import conform, mounted

SHARING = ("xfs", "btrfs")


@pytest.fixture(autouse=True)
def _only_in_make_soak(request: pytest.FixtureRequest) -> None:
    if float(request.config.getoption("--soak")) < 60:
        pytest.skip("file systems of their own are for make soak")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", SHARING)
async def test_a_gigabyte_under_load_is_shared(kind: str) -> None:
    with mounted(kind, 12_000) as folder:
        told = await conform(ReflinkDriver(), folder, scale=66)

    print(f"reflink on {kind}: {told}")
    assert told.at_rest_extra_bytes <= 20_000_000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["ext4", *SHARING])
async def test_what_is_to_be_copied_is_copied_even_where_it_could_be_shared(kind: str) -> None:
    with mounted(kind, 4000) as folder:
        told = await conform(CopyDriver(), folder, scale=5)

    print(f"copy on {kind}: {told}")
    assert told.at_rest_extra_bytes >= told.size_bytes * 0.95


@pytest.mark.parametrize("kind", SHARING)
def test_a_folder_owns_what_it_shares_with_nobody(kind: str) -> None:
    mib = 1 << 20
    with mounted(kind, 1000) as folder:
        source, clone = folder / "source", folder / "clone"
        source.mkdir()
        (source / "file").write_bytes(b"x" * (8 * mib))
        ReflinkDriver().clone(source, clone)
        sync_tree(folder)
        assert usage_of(source).own_bytes == usage_of(clone).own_bytes == 0

        with (clone / "file").open("r+b") as file:
            file.write(b"y" * mib)
        # Until it is written, the file system tells of what was there before.
        sync_tree(folder)
        assert mib <= usage_of(clone).own_bytes < 2 * mib

        # XFS frees what was deleted in the background.
        ReflinkDriver().delete(source)
        wait_until(lambda: usage_of(clone).own_bytes >= 8 * mib, "the clone owns all that it has")


@pytest.mark.parametrize(
    ("kind", "name"), [("xfs", "reflink"), ("btrfs", "reflink"), ("ext4", "copy"), ("tmpfs", "copy")]
)
def test_a_home_gets_what_its_file_system_can(kind: str, name: str) -> None:
    with mounted(kind, 1000) as folder:
        choice = choose_driver(folder)

        assert choice.driver.name == name, choice.reason
        assert not list(Path(folder).glob(".probe-*"))
