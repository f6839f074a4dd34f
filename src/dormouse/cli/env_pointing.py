"""Pointing a `.env` file to a branch, with the role, the database and the pooler that it was used with so far."""

from pathlib import Path

from dormouse.api.client import Client
from dormouse.api.records import Branch
from dormouse.cli.carrying_over import wishes_in
from dormouse.cli.choosing import AnyProject
from dormouse.cli.connections import Target, choose_on
from dormouse.cli.env_file import read_values
from dormouse.cli.env_rewriting import URL, rewritten
from dormouse.cli.env_writing import change_env, read_env
from dormouse.cli.git import Checkout

__all__ = ["point_env"]


def point_env(
    client: Client,
    project: AnyProject,
    branch: Branch,
    path: Path,
    target: Target,
    *,
    checkout: Checkout | None,
    older: Path | None = None,
) -> bool:
    """Write how to connect to a branch; whether the file changed. Of `target` role, database and pooler count.

    `older` is read for what the file, if it is not there yet, does not say. Raises UserError where the file cannot
    be written, or git tracks it, and where there are several roles or databases and none of them is said.
    """
    text = read_env(path) or (read_env(older) if older is not None else "")
    wishes = wishes_in(read_values(text).get(URL, ""))
    wanted = Target(
        role=target.role, database=target.database, pooled=target.pooled or wishes.pooled, wishes=wishes
    )
    chosen = choose_on(client, project, branch, wanted)

    def change(text: str) -> str:
        return rewritten(text, chosen.parameters, chosen.direct, chosen.replicas)

    return change_env(path, change, checkout)
