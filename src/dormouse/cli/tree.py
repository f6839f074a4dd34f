"""Branches drawn as what they are: a tree."""

from collections.abc import Iterable, Iterator

from dormouse.api.records import Branch

__all__ = ["drawn"]


def drawn(branches: Iterable[Branch]) -> list[tuple[str, Branch]]:
    """Each branch below its parent, with the lines that stand before its name: `├─ `, `└─ `.

    The default branch comes first, then the older one first. A branch whose parent is not among them is a root.
    """
    known = sorted(branches, key=lambda branch: (not branch.default, branch.created_at, branch.id))
    ids = {branch.id for branch in known}
    children: dict[str | None, list[Branch]] = {}
    for branch in known:
        parent = branch.parent_id if branch.parent_id in ids and branch.parent_id != branch.id else None
        children.setdefault(parent, []).append(branch)

    def below(parent: str, before: str) -> Iterator[tuple[str, Branch]]:
        ones = children.get(parent, [])
        for one in ones:
            last = one is ones[-1]
            yield before + ("└─ " if last else "├─ "), one
            yield from below(one.id, before + ("   " if last else "│  "))

    found = []
    for root in children.get(None, []):
        found.append(("", root))
        found += below(root.id, "")
    return found
