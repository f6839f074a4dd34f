import threading
import time
from pathlib import Path

import pytest

from dormouse.errors import CloneStopped
from dormouse.storage.copying import CopyDriver
from dormouse.storage.driver import Usage, everything
from dormouse.storage.linking import link_tree
from dormouse.storage.tree import let_settle, make_folders, work_through


def one(name: str) -> Usage | None:
    return None if name == "gone" else Usage(files=1, size_bytes=len(name), own_bytes=1)


def test_the_largest_files_come_first(tmp_path: Path) -> None:
    for name, size in (("a", 1), ("b/c", 3), ("b/d/e", 0), ("f", 2), ("b/g", 3)):
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)

    made = make_folders(tmp_path / "source", tmp_path / "target", None, everything)

    assert made == ["b/c", "b/g", "f", "a", "b/d/e"]
    assert [path.name for path in sorted((tmp_path / "target").rglob("*"))] == ["b", "d"]


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_every_file_is_worked_on_once(threads: int) -> None:
    worked: list[str] = []

    def work(name: str) -> Usage | None:
        worked.append(name)
        return one(name)

    names = [*map(str, range(100)), "gone"]
    total = work_through(names, work, threads=threads, stop=None)

    assert sorted(worked) == sorted(names)
    assert total == Usage(files=100, size_bytes=190, own_bytes=100)


def test_no_file_is_no_cost() -> None:
    assert work_through([], one, threads=4, stop=None) == Usage(files=0, size_bytes=0, own_bytes=0)


def test_the_first_error_ends_the_work_of_all() -> None:
    begun: list[str] = []

    def work(name: str) -> Usage | None:
        begun.append(name)
        if name == "3":
            raise OSError("broken")
        time.sleep(0.001)
        return one(name)

    with pytest.raises(OSError, match="broken"):
        work_through(list(map(str, range(1000))), work, threads=4, stop=None)

    assert len(begun) < 50


def test_a_stop_ends_the_work_of_all() -> None:
    begun: list[str] = []
    stop = threading.Event()

    def work(name: str) -> Usage | None:
        begun.append(name)
        if name == "3":
            stop.set()
        time.sleep(0.001)
        return one(name)

    with pytest.raises(CloneStopped):
        work_through(list(map(str, range(1000))), work, threads=4, stop=stop)

    assert len(begun) < 50


def test_what_has_settled_is_shared_with_a_clone_of_its_clone(tmp_path: Path) -> None:
    template, data, first, second = (tmp_path / name for name in ("template", "data", "first", "second"))
    (template / "base").mkdir(parents=True)
    for name in ("PG_VERSION", "base/1259"):
        (template / name).write_bytes(b"x")

    let_settle(template)
    CopyDriver().clone(template, data)
    link_tree(template, first)
    made = CopyDriver().clone(data, second, like=first)

    assert made == Usage(files=2, size_bytes=2, own_bytes=0)
    assert (second / "base" / "1259").samefile(template / "base" / "1259")
