"""What becomes of a `.env` file when another branch is to be used: its `DATABASE_*` lines change. Pure."""

from collections.abc import Sequence
from typing import Final

from dormouse.cli.carrying_over import carried_over, is_foreign
from dormouse.cli.env_file import read_values, with_comment, with_values
from dormouse.uri import ConnectionParameters

__all__ = ["URL", "rewritten"]

URL: Final = "DATABASE_URL"
_DIRECT: Final = "DATABASE_URL_UNPOOLED"
_REPLICAS: Final = "DATABASE_REPLICA_URL"


def rewritten(
    text: str,
    parameters: ConnectionParameters,
    direct: ConnectionParameters,
    replicas: Sequence[ConnectionParameters],
) -> str:
    """The text with the connections to a branch; what one led to that is no branch is kept in a comment.

    Without replicas a `DATABASE_REPLICA_URL` that is there becomes empty: as it was, it would read another branch.
    """
    old = read_values(text)
    first_replica = " ".join(old.get(_REPLICAS, "").split()[:1])
    values = {
        URL: carried_over(old.get(URL, ""), parameters).url(),
        _DIRECT: carried_over(old.get(_DIRECT, ""), direct).url(),
        _REPLICAS: " ".join(carried_over(first_replica, replica).url() for replica in replicas),
    }
    for name, was in ((URL, old.get(URL, "")), (_DIRECT, old.get(_DIRECT, "")), (_REPLICAS, first_replica)):
        if is_foreign(was, parameters):
            kept = " ".join(old[name].split())
            text = with_comment(text, name, f"# {name}={kept}  # as it was before `dormouse checkout`")
    return with_values(text, values)
