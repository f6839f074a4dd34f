"""`dormouse checkout`"""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from dormouse.cli.checkout_files import ENV_FILE_KEY, CheckoutFiles, exclude, find_files
from dormouse.cli.completing import branch_names, git_branch_names
from dormouse.cli.connections import Target
from dormouse.cli.env_pointing import point_env
from dormouse.cli.git import Checkout, find_checkout
from dormouse.cli.giving import Given, give, the_git_branch
from dormouse.cli.hook import Hooked, install_hook, uninstall_hook
from dormouse.cli.hurrying import within
from dormouse.cli.options import (
    AsJson,
    AtLocal,
    AtNeon,
    DatabaseName,
    EnvFile,
    NoWait,
    Pooled,
    ProjectName,
    Quiet,
    RoleName,
)
from dormouse.cli.output import AskedWrongly, answer, answer_json, fails_politely, say
from dormouse.cli.pinning import pin
from dormouse.cli.session import Session, open_session
from dormouse.errors import DormouseError, UserError

__all__ = ["checkout"]

_HOOK_S: Final = 10.0
"""Git, and whoever typed `git switch`, wait for the hook no longer than this."""
_HOOK_REQUEST_S: Final = 5.0


@fails_politely
def checkout(
    git_branch: Annotated[
        str | None,
        typer.Argument(
            metavar="GIT_BRANCH", help="Default: what is checked out here.", autocompletion=git_branch_names
        ),
    ] = None,
    *,
    parent: Annotated[
        str | None,
        typer.Option(
            "--parent",
            metavar="BRANCH[@POINT]",
            help="On first use: what it is made from. Default: that of the git branch it was forked from.",
            autocompletion=branch_names,
        ),
    ] = None,
    env_file: EnvFile = None,
    no_env: Annotated[bool, typer.Option("--no-env", help="Pin the branch, and leave .env alone.")] = False,
    role: RoleName = None,
    database: DatabaseName = None,
    pooled: Pooled = False,
    install: Annotated[
        bool, typer.Option("--install-hook", help="Have git do this after every `git switch` and `git checkout`.")
    ] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall-hook", help="Take that hook away again.")] = False,
    from_hook: Annotated[bool, typer.Option("--from-hook", hidden=True)] = False,
    project: ProjectName = None,
    no_wait: NoWait = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    local: AtLocal = False,
    neon: AtNeon = False,
) -> None:
    """Give a git branch its own database branch: made on first use, pinned in .neon, written into .env.

    It is made from the database branch of the git branch that this one was forked from; the main git branch has
    the default branch. In .env only DATABASE_URL, DATABASE_URL_UNPOOLED and DATABASE_REPLICA_URL change. Git is
    only asked: `git switch` stays yours, and with --install-hook it is all you type. `dormouse branch sweep`
    deletes what was made for git branches that are gone.

    Example: dormouse checkout
    """
    if install and uninstall:
        raise AskedWrongly("--install-hook and --uninstall-hook exclude each other")
    where = find_checkout(Path.cwd())
    if install:
        _install(where, env_file, as_json=as_json)
        return
    if uninstall:
        _uninstall(where, as_json=as_json)
        return
    target = Target(role=role, database=database, pooled=pooled)
    if from_hook:
        _follow(where, target)
        return
    name = the_git_branch(where, git_branch)
    session = open_session(project=project, local=local, neon=neon, as_json=as_json, quiet=quiet, no_wait=no_wait)
    with session.explaining():
        files = find_files(where, Path.cwd(), Path.home(), env_file)
        session.pinned = files.pinned
        given = give(session, where, name, parent)
        written = None if no_env else _write(session, where, given, files, target)
        _pin(session, where, given)
    session.done(
        given.told,
        given.to_json() | {"env_file": None if no_env else str(files.env)},
        then="" if written is None else f"{files.env} {'leads' if written else 'led already'} to it",
    )


def _follow(where: Checkout, target: Target) -> None:
    """What the hook does: the same, in a hurry, and without a change that git would see."""
    try:
        with within(_HOOK_S):
            session = open_session(no_wait=True, timeout_s=_HOOK_REQUEST_S, quiet=True)
            files = find_files(where, Path.cwd(), Path.home())
            session.pinned = files.pinned
            with session.explaining():
                given = give(session, where, the_git_branch(where, None), None)
                _write(session, where, given, files, target, quietly=True)
                _pin(session, where, given, quietly=True)
    except DormouseError as error:
        raise UserError(
            f"the database did not follow to git branch {where.branch!r}: {error.message}",
            (f"{error.hint}; " if error.hint else "") + ".env is as it was, and `dormouse checkout` tries again",
        ) from error
    say(given.told)


def _write(
    session: Session,
    where: Checkout,
    given: Given,
    files: CheckoutFiles,
    target: Target,
    *,
    quietly: bool = False,
) -> bool:
    # First, so that git sees the passwords at no moment.
    if exclude(where, files.env, quietly=quietly):
        session.tell(f".gitignore names {files.env.name} now")
    written = point_env(
        session.client,
        given.project,
        given.branch,
        files.env,
        target,
        checkout=where,
        older=files.older_env,
    )
    if files.env.is_relative_to(where.top) and not where.ignores(files.env):
        say(f"git does not ignore {files.env}, which holds a password: name it in .gitignore")
    return written


def _pin(session: Session, where: Checkout, given: Given, *, quietly: bool = False) -> None:
    path = session.pinned.path
    if where.tracks(path):
        # Another branch in it would be a change that somebody commits by accident.
        session.tell(f"{path} is tracked by git, and stays as it is")
        return
    if quietly:
        exclude(where, path, quietly=True)
    pin(session, given.project, given.branch, ignore=not quietly)


def _install(where: Checkout, env_file: Path | None, *, as_json: bool) -> None:
    files = find_files(where, Path.cwd(), Path.home(), env_file)
    if not files.env.is_relative_to(where.top):
        raise AskedWrongly(f"{files.env} is not in the checkout {where.top}")
    done = install_hook(where, str(files.pinned.path.parent.relative_to(where.top)), sys.executable)
    if env_file is not None:
        where.set(ENV_FILE_KEY, str(files.env.relative_to(where.top)))
    if as_json:
        answer_json(_hook_json(done, installed=True))
        return
    answer(f"{done.path}: git gives each git branch its database branch from now on")
    if done.other is not None:
        say(f"the hook that was there is {done.other.name} now, and called first")
    say("next: `dormouse checkout`, for the git branch that is checked out now")


def _uninstall(where: Checkout, *, as_json: bool) -> None:
    done = uninstall_hook(where)
    where.set(ENV_FILE_KEY, None)
    if as_json:
        answer_json(_hook_json(done, installed=False))
    elif not done.changed:
        answer(f"there is no hook of ours in {done.path.parent}")
    else:
        answer(
            f"{done.path}: "
            + ("the hook that was there before is back" if done.other is not None else "taken away")
        )


def _hook_json(done: Hooked, *, installed: bool) -> dict[str, object]:
    other = None if done.other is None else str(done.other)
    return {"hook": str(done.path), "installed": installed, "other": other, "changed": done.changed}
