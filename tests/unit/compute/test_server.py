import stat
from pathlib import Path

import pytest

from dormouse.compute.server import prepare_folder, read_log_tail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "postgres.log"
    path.write_text("".join(f"line {number} ☃\n" for number in range(1, 41)))
    return path


def test_the_tail_is_the_last_lines(log: Path) -> None:
    assert read_log_tail(log, lines=2) == "line 39 ☃\nline 40 ☃"


def test_what_an_earlier_start_wrote_is_no_part_of_the_tail(log: Path) -> None:
    since = log.stat().st_size
    with log.open("a") as file:
        file.write("FATAL: no\n")

    assert read_log_tail(log, since) == "FATAL: no"


def test_a_log_that_was_cut_in_a_character_is_readable(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\x83 half\nwhole\n")

    assert read_log_tail(tmp_path / "log") == "\ufffd half\nwhole"


def test_of_a_large_log_a_part_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x" * (1 << 20) + "\nlast\n")

    assert len(read_log_tail(tmp_path / "log")) <= 8192


def test_there_is_no_log(tmp_path: Path) -> None:
    assert read_log_tail(tmp_path / "missing") == ""


def test_a_prepared_folder_is_closed_to_others(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "a" / "b", None)

    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o711)

    prepare_folder(tmp_path / "a", None)

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o711
