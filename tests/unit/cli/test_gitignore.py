from pathlib import Path

import pytest

from dormouse.cli.gitignore import covers, in_checkout, keep_out, with_entry


@pytest.mark.parametrize(
    ("line", "covered"),
    [
        (".neon", True),
        ("  .neon  ", True),
        ("/.neon", True),
        (".n*", True),
        (".neo?", True),
        ("*", True),
        ("", False),
        ("# .neon", False),
        ("!.neon", False),
        ("sub/.neon", False),
        (".neon/", False),
        (".neons", False),
        (".[n]eon", False),
    ],
)
def test_what_a_line_covers(line: str, covered: bool) -> None:
    assert covers(line, ".neon") is covered


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ".neon\n"),
        ("*.pyc\n", "*.pyc\n.neon\n"),
        ("*.pyc", "*.pyc\n.neon\n"),
        (".neon\n", ".neon\n"),
        ("*.pyc\r\n.neon\r\n", "*.pyc\r\n.neon\r\n"),
    ],
)
def test_a_line_is_added_where_none_covers(before: str, after: str) -> None:
    assert with_entry(before, ".neon") == after


def test_a_file_in_a_checkout_is_kept_out_once(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "site"
    folder.mkdir()

    assert keep_out(folder / ".neon") is True
    assert keep_out(folder / ".neon") is False
    assert (folder / ".gitignore").read_text() == ".neon\n"


def test_elsewhere_nothing_is_written(tmp_path: Path) -> None:
    assert keep_out(tmp_path / ".neon") is False
    assert not (tmp_path / ".gitignore").exists()


def test_a_worktree_is_a_checkout(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /elsewhere\n")

    assert in_checkout(tmp_path)


def test_a_gitignore_that_cannot_be_read_is_left(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_bytes(b"\xff")

    assert keep_out(tmp_path / ".neon") is False
    assert (tmp_path / ".gitignore").read_bytes() == b"\xff"
