"""The text of the hook that follows git from branch to branch. Pure.

    HOOKS/post-checkout                       ours, known by its second line
    HOOKS/post-checkout.before-dormouse       what was there before; called first, put back at the end

Git runs it after every checkout, waits for it, and takes its exit for that of the checkout: so it asks itself
first whether there is anything to do, and never fails by itself. There is nothing to do for single files, on a
detached head, in a rebase, in a fresh clone, and in a repository that shares a folder of hooks and did not ask.
"""

import shlex
from typing import Final

__all__ = ["FOLDER_KEY", "KEPT", "MARK", "NAME", "hook_script", "is_ours"]

NAME: Final = "post-checkout"
KEPT: Final = "post-checkout.before-dormouse"

MARK: Final = "# Made by `dormouse checkout --install-hook`; `dormouse checkout --uninstall-hook` takes it away."

FOLDER_KEY: Final = "dormouse.folder"
"""The repository's own setting that asks for the hook: where `.neon` and `.env` lie, seen from the top."""

_SCRIPT: Final = """\
#!/bin/sh
@MARK@
# Gives each git branch its database branch. Git fails for nothing that happens here.

status=0
kept="$(dirname "$0")/@KEPT@"
if [ -x "$kept" ]; then
    "$kept" "$@"
    status=$?
fi

has_work() {
    [ "$3" = 1 ] || return 1
    git symbolic-ref -q HEAD >/dev/null || return 1
    own=$(git rev-parse --absolute-git-dir) || return 1
    [ ! -d "$own/rebase-merge" ] && [ ! -d "$own/rebase-apply" ] || return 1
    case $1 in
        # There was no commit before: a clone, or a new worktree, which has a folder of its own in the clone's.
        *[!0]*) ;;
        *) [ -f "$own/commondir" ] || return 1 ;;
    esac
    folder=$(git config --local --get @FOLDER_KEY@) || return 1
    cd "./$folder" 2>/dev/null
}

if has_work "$@"; then
    unset $(git rev-parse --local-env-vars)
    if [ -x @PYTHON@ ]; then
        @PYTHON@ -P -m dormouse checkout --from-hook </dev/null
    elif command -v dormouse >/dev/null; then
        dormouse checkout --from-hook </dev/null
    else
        echo "dormouse is not there; the database did not follow to this git branch" >&2
    fi
fi
exit $status
"""


def hook_script(python: str) -> str:
    """The hook; `python` is an interpreter that has Dormouse. If it is gone, `dormouse` of the PATH is called."""
    parts = {"@MARK@": MARK, "@KEPT@": KEPT, "@FOLDER_KEY@": FOLDER_KEY, "@PYTHON@": shlex.quote(python)}
    script = _SCRIPT
    for name, value in parts.items():
        script = script.replace(name, value)
    return script


def is_ours(script: str) -> bool:
    """Whether a hook is one of ours, of this version or another."""
    return MARK in script.splitlines()[:3]
