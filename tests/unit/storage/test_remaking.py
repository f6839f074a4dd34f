"""A clone of one folder, made into that of another by what differs."""

import os
import shutil
import time
from pathlib import Path

import pytest

from dormouse.storage.copying import CopyDriver
from dormouse.storage.driver import everything
from dormouse.storage.remaking import remake_folders

LONG_AGO_NS = time.time_ns() - 3600 * 10**9


def written(folder: Path, files: dict[str, str]) -> Path:
    """Files that have not been touched for long."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    return folder


def content(folder: Path) -> dict[str, str | None]:
    """Of each file below; of a folder None."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else None for path in folder.rglob("*")
    }


TEMPLATE = {
    "PG_VERSION": "18",
    "base/1/1259": "old",
    "base/1/2619": "",
    "base/16384/1259": "db",
    "pg_wal/0001": "wal",
}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return written(tmp_path / "template", TEMPLATE)


@pytest.fixture
def target(template: Path, tmp_path: Path) -> Path:
    CopyDriver().clone(template, tmp_path / "target")
    return tmp_path / "target"


@pytest.fixture
def source(template: Path, tmp_path: Path) -> Path:
    """A server's folder that began as the template."""
    CopyDriver().clone(template, tmp_path / "source")
    return tmp_path / "source"


def test_a_file_of_the_same_size_that_was_written_to_since_is_made_anew(
    template: Path, source: Path, target: Path
) -> None:
    (source / "base/1/1259").write_text("new")

    made = CopyDriver().clone(source, target, over=template)

    assert content(target) == content(source)
    assert made.files == 1
    assert content(template) == TEMPLATE | dict.fromkeys(("base", "base/1", "base/16384", "pg_wal"))


def test_a_file_that_became_shorter_ends_where_it_ends(template: Path, source: Path, target: Path) -> None:
    (source / "base/1/1259").write_text("n")
    (source / "pg_wal/0001").write_text("")

    CopyDriver().clone(source, target, over=template)

    assert content(target) == content(source)


def test_what_vanishes_meanwhile_is_left_out(template: Path, source: Path, target: Path) -> None:
    (source / "base/1/1259").write_text("new")

    def wanted(path: str) -> bool:
        if path == "pg_wal/0001":
            (source / "base/1/1259").unlink()
        return True

    CopyDriver().clone(source, target, wanted=wanted, over=template)

    assert content(target) == content(source)


def test_another_template_of_that_name_is_another_template(template: Path, source: Path, target: Path) -> None:
    CopyDriver().clone(source, target, over=template)
    shutil.rmtree(template)
    shutil.rmtree(source)
    shutil.rmtree(target)
    written(template, TEMPLATE | {"base/1/1259": "longer"})
    for folder in (source, target):
        CopyDriver().clone(template, folder)

    assert CopyDriver().clone(source, target, over=template).files == 0


def test_what_nobody_wrote_to_is_not_touched(template: Path, source: Path, target: Path) -> None:
    before = {path: path.stat().st_ino for path in target.rglob("*")}

    assert CopyDriver().clone(source, target, over=template).files == 0
    assert {path: path.stat().st_ino for path in target.rglob("*")} == before


def test_what_came_and_went_comes_and_goes(template: Path, source: Path, target: Path) -> None:
    for path in (source / "base/16384/1259", source / "pg_wal/0001"):
        path.unlink()
    (source / "base/16384").rmdir()
    written(source, {"base/16385/7": "another", "base/16385/deep/8": "down", "base/1/2619": ""})

    CopyDriver().clone(source, target, over=template)

    assert content(target) == content(source)


def test_a_folder_became_a_file_and_a_file_a_folder(template: Path, source: Path, target: Path) -> None:
    (source / "pg_wal/0001").unlink()
    (source / "pg_wal").rmdir()
    (source / "PG_VERSION").unlink()
    written(source, {"pg_wal": "a file", "PG_VERSION/inside": "a folder"})

    CopyDriver().clone(source, target, over=template)

    assert content(target) == content(source)


def test_what_is_not_wanted_is_taken_away(template: Path, source: Path, target: Path) -> None:
    def wanted(path: str) -> bool:
        return path not in ("pg_wal/0001", "base")

    CopyDriver().clone(source, target, wanted=wanted, over=template)

    assert content(target) == {"PG_VERSION": "18", "pg_wal": None}


def test_a_template_that_was_not_cloned_but_just_written_is_no_measure(tmp_path: Path) -> None:
    template = tmp_path / "template"
    template.mkdir()
    (template / "file").write_text("a")
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("b")
    moment = (template / "file").stat().st_mtime_ns
    os.utime(source / "file", ns=(moment, moment))
    (tmp_path / "target").mkdir()

    assert remake_folders(source, tmp_path / "target", template, None, everything) == ["file"]


def test_the_largest_file_is_made_first(template: Path, source: Path, target: Path) -> None:
    written(source, {"base/1/small": "1", "base/1/large": "1" * 9})

    assert remake_folders(source, target, template, None, everything) == ["base/1/large", "base/1/small"]
