"""Which database branches `dormouse checkout` made for which git branches, remembered in the repository itself.

    .git/dormouse/branches.json     shared by all worktrees; 0600
    .git/dormouse/lock              locked with `flock` while the other one is changed

Why here, and not as an annotation at the platform: whether a git branch is gone is known to this clone alone. A
colleague's clone, which never had the branch, would take it for gone and sweep away what is in use elsewhere. It
works alike at the local platform and at Neon, where an annotation cannot be changed once its branch is made. Who
loses the file loses no data: what is not remembered is never swept.

Beside it, git keeps a branch's database branch in its own settings (`branch.NAME.dormouse`). They go along when
git renames a branch, and are gone with it when it is deleted: so a renamed one is told from one that is gone.
"""

import fcntl
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dormouse.cli.git import Checkout
from dormouse.errors import UserError
from dormouse.names import BranchId, ProjectId
from dormouse.storage.durable import write_atomically

__all__ = [
    "MadeBranch",
    "claims_of",
    "forget",
    "made_for",
    "parse",
    "read_made",
    "remember",
    "renamed",
    "text_of",
]

_KEY: Final = "dormouse"
"""`branch.NAME.dormouse`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBranch:
    """A database branch that was made for a git branch of this repository."""

    git_branch: str
    project_id: ProjectId
    branch_id: BranchId


def parse(text: str) -> tuple[MadeBranch, ...]:
    """What the file says. Raises ValueError for what it cannot have written."""
    found = json.loads(text)
    if not isinstance(found, dict) or not isinstance(found.get("made"), list):
        raise ValueError('expected {"made": […]}')
    return tuple(_made(each) for each in found["made"])


def text_of(made: Iterable[MadeBranch]) -> str:
    """The content of the file."""
    entries = [
        {"git_branch": each.git_branch, "project_id": each.project_id, "branch_id": each.branch_id}
        for each in made
    ]
    return json.dumps({"made": entries}, indent=2, ensure_ascii=False) + "\n"


def made_for(git_branch: str, made: Iterable[MadeBranch], project: ProjectId) -> MadeBranch | None:
    """The database branch of a git branch, if one was made in that project."""
    return next((each for each in made if (each.git_branch, each.project_id) == (git_branch, project)), None)


def renamed(
    claim: str | None, made: Iterable[MadeBranch], project: ProjectId, there: Collection[str]
) -> MadeBranch | None:
    """The one that was made for a git branch when it had another name, under which there is none any more.

    `claim` is what git's settings say of the branch, `there` are all git branches. A copy of a branch claims the
    same one, and does not get it while the first is there.
    """
    found = (each for each in made if each.project_id == project and each.branch_id == claim)
    return next((each for each in found if each.git_branch not in there), None)


def read_made(checkout: Checkout) -> tuple[MadeBranch, ...]:
    """All that were made for this repository. Raises UserError for a file that is none of ours."""
    path = _path(checkout)
    try:
        return parse(path.read_text("utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read: {error}",
            "move it away; then `dormouse branch sweep` knows of none of the branches that were made before",
        ) from error


def claims_of(checkout: Checkout) -> Mapping[str, str]:
    """By git branch, the database branch that git's settings give it."""
    found = checkout.settings(rf"^branch\..*\.{_KEY}$")
    return {key.removeprefix("branch.").removesuffix(f".{_KEY}"): value for key, value in found.items()}


def remember(checkout: Checkout, made: MadeBranch) -> None:
    """Note one that was made, or whose git branch was renamed. Raises UserError where nothing can be written."""
    with _changing(checkout) as before:
        kept = [
            each
            for each in before
            if each.project_id != made.project_id
            or (each.git_branch != made.git_branch and each.branch_id != made.branch_id)
        ]
        _write(checkout, [*kept, made])
    checkout.set(f"branch.{made.git_branch}.{_KEY}", made.branch_id)


def forget(checkout: Checkout, made: MadeBranch) -> None:
    """Note that one is gone."""
    with _changing(checkout) as before:
        _write(checkout, [each for each in before if each != made])


def _made(entry: object) -> MadeBranch:
    if not isinstance(entry, dict):
        raise ValueError(f"expected an object, found {type(entry).__name__}")
    values = [entry.get(name) for name in ("git_branch", "project_id", "branch_id")]
    if not all(isinstance(value, str) and value for value in values):
        raise ValueError("an entry lacks git_branch, project_id or branch_id")
    git_branch, project, branch = map(str, values)
    return MadeBranch(git_branch=git_branch, project_id=ProjectId(project), branch_id=BranchId(branch))


def _path(checkout: Checkout) -> Path:
    return checkout.common_dir / "dormouse" / "branches.json"


def _write(checkout: Checkout, made: Iterable[MadeBranch]) -> None:
    write_atomically(_path(checkout), text_of(made))


@contextmanager
def _changing(checkout: Checkout) -> Iterator[tuple[MadeBranch, ...]]:
    """What is there, while no other checkout of the repository changes it."""
    folder = _path(checkout).parent
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield read_made(checkout)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}") from error
