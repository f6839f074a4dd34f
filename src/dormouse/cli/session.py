"""What every verb about projects starts from: a client of the platform that is meant, and what is pinned."""

import inspect
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from dormouse.api.client import Client
from dormouse.api.errors import NoAnswer, NotAuthenticated
from dormouse.api.records import Branch, Operation
from dormouse.cli.choosing import AnyProject, the_branch, the_project
from dormouse.cli.connections import client_of
from dormouse.cli.credentials import login_file, read_login
from dormouse.cli.options import AsJson, AtLocal, AtNeon, NoWait, ProjectName, Quiet
from dormouse.cli.output import answer, answer_json, fails_politely, say
from dormouse.cli.pinned import Pinned, read_pinned
from dormouse.cli.platforms import Local, Remote, meant_platform
from dormouse.cli.settings import settings_with
from dormouse.cli.waiting import patiently, wait_for
from dormouse.names import ProjectId
from dormouse.storage.layout import Layout

__all__ = [
    "Session",
    "client_for",
    "in_project",
    "meant_now",
    "open_session",
    "pinned_now",
    "with_session",
]

P = ParamSpec("P")


class _Changed(Protocol):
    """The answer to a change."""

    @property
    def operations(self) -> tuple[Operation, ...]: ...


C = TypeVar("C", bound=_Changed | None)
T = TypeVar("T")


class Session:
    """One command at one platform."""

    def __init__(
        self,
        client: Client,
        platform: Local | Remote,
        pinned: Pinned,
        *,
        project: str | None = None,
        as_json: bool = False,
        quiet: bool = False,
        wait: bool = True,
    ) -> None:
        self.client = client
        self.platform = platform
        self.pinned = pinned
        self.as_json = as_json
        self.quiet = quiet
        self._said_project = project
        self._wait = wait
        self._began = time.monotonic()

    def project(self, said: str | None = None) -> AnyProject:
        """The project that is meant; `said` wins over `--project`. Raises UserError."""
        return the_project(self.client, said if said is not None else self._said_project, self.pinned)

    def branch(self, project: AnyProject, said: str | None) -> Branch:
        """The branch of it that is meant. Raises UserError."""
        return the_branch(self.client, project, said, self.pinned)

    def default_branch(self, project: AnyProject) -> Branch:
        """The default branch of it, whatever is pinned. Raises UserError."""
        return the_branch(self.client, project, None)

    def change(self, call: Callable[[], C]) -> C:
        """Call for a change, and wait until its operations ended. Raises UserError when one failed."""
        changed = patiently(call, quiet=self.quiet)
        if changed is not None:
            self.wait(changed.operations)
        return changed

    def wait(self, operations: Sequence[Operation]) -> None:
        """Wait until these have ended, unless `--no-wait`. Raises UserError when one failed."""
        if self._wait:
            wait_for(operations, self._look, quiet=self.quiet)

    def try_again(self, call: Callable[[], T]) -> T:
        """Call for a change that has no operations."""
        return patiently(call, quiet=self.quiet)

    def done(self, sentence: str, content: object, *, then: str = "") -> None:
        """Answer what was done, for people or for programs, and tell the next useful thing."""
        if self.as_json:
            answer_json(content)
        else:
            answer(f"{sentence} · {time.monotonic() - self._began:.1f} s")
        if then:
            self.tell(then)

    def tell(self, text: str) -> None:
        """Speak to the person, unless `--quiet`."""
        if not self.quiet:
            say(text)

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Add to the API's own errors what to do about them."""
        try:
            yield
        except NotAuthenticated as error:
            error.hint = error.hint or (
                f"{self.platform.name} does not take the key of "
                + (f"{self.platform.because}" if isinstance(self.platform, Remote) else "this home")
            )
            raise
        except NoAnswer as error:
            error.hint = error.hint or (
                "see `dormouse logs`" if isinstance(self.platform, Local) else "is NEON_API_HOST right?"
            )
            raise

    def _look(self, operation: Operation) -> Operation:
        return self.client.operation(ProjectId(operation.project_id), operation.id)


def meant_now(*, local: bool = False, neon: bool = False) -> Local | Remote:
    """The platform that is meant in this environment. Raises UserError."""
    # Who says --local is not stopped by a login that cannot be read.
    login = None if local else read_login(login_file())
    return meant_platform(os.environ, login, local=local, neon=neon)


def client_for(platform: Local | Remote, *, timeout_s: float = 60.0) -> Client:
    """A client of a platform. Raises NotRunning where the local one is down."""
    if isinstance(platform, Local):
        return client_of(Layout(settings_with().home), timeout_s=timeout_s)
    return Client(platform.api_host, platform.api_key, timeout_s=timeout_s)


def pinned_now() -> Pinned:
    """What is pinned for this working folder."""
    return read_pinned(Path.cwd(), Path.home())


def open_session(
    *,
    project: str | None = None,
    local: bool = False,
    neon: bool = False,
    as_json: bool = False,
    quiet: bool = False,
    no_wait: bool = False,
    timeout_s: float = 60.0,
) -> Session:
    """The session of one command. Raises NotRunning, or UserError where the platform is not clear."""
    platform = meant_now(local=local, neon=neon)
    client = client_for(platform, timeout_s=timeout_s)
    if isinstance(platform, Remote) and not quiet:
        say(f"at {platform.name} ({platform.because})")
    return Session(client, platform, pinned_now(), project=project, as_json=as_json, quiet=quiet, wait=not no_wait)


_COMMON: Final[tuple[tuple[str, Any, Any], ...]] = (
    ("as_json", AsJson, False),
    ("quiet", Quiet, False),
    ("local", AtLocal, False),
    ("neon", AtNeon, False),
)
_OF_PROJECT: Final[tuple[tuple[str, Any, Any], ...]] = (("project", ProjectName, None),)
_OF_CHANGE: Final[tuple[tuple[str, Any, Any], ...]] = (("no_wait", NoWait, False),)


def with_session(
    *, changes: bool = False
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[..., None]]:
    """A verb that takes a Session first, as a command with the options that make one.

    `changes` offers not to wait for what is set going.
    """
    return _as_command((*(_OF_CHANGE if changes else ()), *_COMMON))


def in_project(
    *, changes: bool = False
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[..., None]]:
    """The same for verbs about what is in a project: with `--project`."""
    return _as_command((*_OF_PROJECT, *(_OF_CHANGE if changes else ()), *_COMMON))


def _as_command(
    added: Iterable[tuple[str, Any, Any]],
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[..., None]]:
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, kind, default in added
    ]
    names = [parameter.name for parameter in parameters]

    def decorate(verb: Callable[Concatenate[Session, P], None]) -> Callable[..., None]:
        @fails_politely
        @wraps(verb)
        def command(*args: Any, **given: Any) -> None:
            session = open_session(**{name: given.pop(name) for name in names})
            with session.explaining():
                verb(session, *args, **given)

        own = list(inspect.signature(verb).parameters.values())[1:]
        signature = inspect.Signature([*own, *parameters])
        # typer reads the options from here.
        command.__signature__ = signature  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
        return command

    return decorate
