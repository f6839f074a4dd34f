from pathlib import Path

from dormouse.compute.log_file import shorten


def test_a_short_log_is_left_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.write_text("line\n")

    assert not shorten(log, 5)
    assert log.read_text() == "line\n"
    assert not (tmp_path / "postgres.log.1").exists()


def test_a_long_log_is_moved_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.touch(0o600)
    (tmp_path / "postgres.log.1").write_text("of last week\n")
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 10)

        assert shorten(log, 10)
        writer.write(b"new\n")

    older = tmp_path / "postgres.log.1"
    assert (log.read_text(), older.read_text()) == ("new\n", "old\n" * 10)
    assert older.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_moved_is_left(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.write_text("line\n" * 10)
    (tmp_path / "postgres.log.1").mkdir()

    assert not shorten(log, 10)
    assert not shorten(tmp_path / "none.log", 10)
    assert log.read_text() == "line\n" * 10
