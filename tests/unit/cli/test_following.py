from pathlib import Path

import pytest

from dormouse.cli.following import follow
from dormouse.compute.conf import render
from dormouse.errors import UserError
from dormouse.names import BranchId, EndpointId, Incarnation, ProjectId
from dormouse.storage.layout import BranchFolder, Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.run.mkdir()
    made.log.write_text("".join(f"line {number} ☃\n" for number in range(1, 6)))
    return made


@pytest.fixture
def branch(layout: Layout) -> BranchFolder:
    """One primary, which names itself in its settings, and one replica, which its folder names."""
    folder = layout.branch(ProjectId("p"), BranchId("br-a"), Incarnation("0f"))
    replica = folder.replica_data(EndpointId("ep-replica"))
    for data, name in ((folder.data, "ep-primary"), (replica, "ep-replica")):
        data.mkdir(parents=True)
        (data / "dormouse.conf").write_text(render({"cluster_name": name}))
        (data.parent / "postgres.log").write_text(f"{name} speaks\n")
    return folder


@pytest.mark.parametrize(
    ("lines", "expected"),
    [(2, "line 4 ☃\nline 5 ☃\n"), (0, ""), (50, "".join(f"line {number} ☃\n" for number in range(1, 6)))],
)
def test_the_last_lines(lines: int, expected: str, layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    follow(layout, None, lines=lines, forever=False)

    assert capsys.readouterr().out == expected


def test_a_log_may_hold_anything(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    layout.log.write_bytes(b"\xff%s\n")

    follow(layout, None, lines=1, forever=False)

    assert capsys.readouterr().out == "\ufffd%s\n"


@pytest.mark.parametrize("compute", ["ep-primary", "ep-replica"])
def test_the_log_of_a_compute(
    compute: str, layout: Layout, branch: BranchFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(layout, compute, lines=5, forever=False)

    assert capsys.readouterr().out == f"{compute} speaks\n"


@pytest.mark.parametrize("compute", ["ep-other", "", "*", "ep-prim", "../data"])
def test_a_compute_that_never_ran_is_named(compute: str, layout: Layout, branch: BranchFolder) -> None:
    with pytest.raises(UserError) as caught:
        follow(layout, compute, lines=5, forever=False)

    assert caught.value.message == f"there is no compute {compute!r}, or it never ran"


def test_there_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no log at .*/dormouse\.log: No such file"):
        follow(Layout(tmp_path), None, lines=5, forever=False)
