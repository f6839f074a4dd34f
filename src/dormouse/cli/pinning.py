"""Pinning a project and a branch for a working folder."""

from dormouse.api.records import Branch
from dormouse.cli.choosing import AnyProject
from dormouse.cli.pinned import Pinned, write_pinned
from dormouse.cli.session import Session

__all__ = ["pin"]


def pin(session: Session, project: AnyProject, branch: Branch | None, *, ignore: bool = True) -> None:
    """Write `.neon` and say so. Raises UserError where it cannot be written.

    A branch whose name looks like an id is pinned by its id, since neonctl would not look the name up. Without
    `ignore`, `.gitignore` is left alone.
    """
    named = None
    if branch is not None:
        named = branch.id if branch.name.startswith("br-") else branch.name
    path = session.pinned.path
    pinned = Pinned(path=path, project=project.id, branch=named, organization=project.org_id or None)
    ignored = write_pinned(pinned, ignore=ignore)
    session.tell(f"pinned in {path}" + (", which .gitignore now names" if ignored else ""))
