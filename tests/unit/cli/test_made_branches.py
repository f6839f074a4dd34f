import pytest

from dormouse.cli.made_branches import MadeBranch, made_for, parse, renamed, text_of
from dormouse.names import BranchId, ProjectId

SHOP, OTHER = ProjectId("cold-sea-00000001"), ProjectId("cold-sea-00000002")


def made(git_branch: str, number: int, project: ProjectId = SHOP) -> MadeBranch:
    return MadeBranch(git_branch=git_branch, project_id=project, branch_id=BranchId(f"br-cold-sea-{number:08}"))


def test_what_is_written_is_read() -> None:
    all_of_them = (made("feature/x", 1), made('☃ "quoted"', 2, OTHER))

    assert parse(text_of(all_of_them)) == all_of_them
    assert parse(text_of([])) == ()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"made": {}}', '{"made": [1]}', '{"made": [{"git_branch": "x"}]}', '{"made": [{}]}']
)
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


def test_a_git_branch_has_a_database_branch_in_each_project() -> None:
    there = [made("x", 1), made("x", 2, OTHER), made("y", 3)]

    assert made_for("x", there, SHOP) == made("x", 1)
    assert made_for("x", there, OTHER) == made("x", 2, OTHER)
    assert made_for("y", there, OTHER) is None


def test_a_renamed_git_branch_is_known_by_what_git_carried_along() -> None:
    there = [made("old", 1), made("other", 2)]

    assert renamed("br-cold-sea-00000001", there, SHOP, ["new", "other"]) == made("old", 1)


@pytest.mark.parametrize(
    ("claim", "git_branches", "project"),
    [
        # A copy, `git branch -c old new`: the first keeps it.
        ("br-cold-sea-00000001", ["old", "new"], SHOP),
        (None, ["new"], SHOP),
        ("br-cold-sea-00000009", ["new"], SHOP),
        ("br-cold-sea-00000001", ["new"], OTHER),
    ],
)
def test_what_is_no_rename(claim: str | None, git_branches: list[str], project: ProjectId) -> None:
    assert renamed(claim, [made("old", 1)], project, git_branches) is None
