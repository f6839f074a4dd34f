"""`dormouse fault`"""

from typing import Annotated

import typer

from dormouse.api.json_form import to_json
from dormouse.api.local import FaultInForce, FaultRequest
from dormouse.cli.group import group
from dormouse.cli.output import answer, answer_json, table
from dormouse.cli.reach import speaks_local
from dormouse.cli.session import Session, with_session
from dormouse.errors import UserError
from dormouse.names import EndpointId

__all__ = ["fault", "fault_text"]

fault = group("Faults on purpose, to see how an application takes them; none outlives the platform.")

Named = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Its id, as `dormouse status` has it.")]


@fault.command("list")
@with_session()
def list_faults(session: Session) -> None:
    """List what goes wrong now.

    Example: dormouse fault list
    """
    _must_be_local(session)
    found = session.client.faults()
    if session.as_json:
        answer_json([to_json(each) for each in found])
    elif found:
        answer(table(("endpoint", "fault"), [{"endpoint": e.endpoint, "fault": fault_text(e)} for e in found]))
    else:
        session.tell("nothing goes wrong on purpose")


@fault.command("suspend")
@with_session()
def suspend(session: Session, endpoint: Named) -> None:
    """Put a compute to sleep now: its clients read 57P01, and the next connect wakes it.

    Example: dormouse fault suspend ep-cold-sea-12345678
    """
    _cause(session, FaultRequest(kind="suspend", endpoint=EndpointId(endpoint)), f"{endpoint} is asleep")


@fault.command("kill")
@with_session()
def kill(session: Session, endpoint: Named) -> None:
    """Kill a compute's Postgres, as a machine without memory does; the next connect recovers it.

    Example: dormouse fault kill ep-cold-sea-12345678
    """
    _cause(session, FaultRequest(kind="kill", endpoint=EndpointId(endpoint)), f"{endpoint} was killed")


@fault.command("drop")
@with_session()
def drop(
    session: Session,
    endpoint: Named,
    *,
    following: Annotated[
        int | None, typer.Option("--next", help="Cut the next N connections instead of those open now.", min=1)
    ] = None,
    after_bytes: Annotated[
        int | None, typer.Option("--after-bytes", help="With --next: after M bytes to the client.", min=0)
    ] = None,
) -> None:
    """Cut connections without a word, as a network does.

    Example: dormouse fault drop ep-cold-sea-12345678 --next 3 --after-bytes 100
    """
    if after_bytes is not None and following is None:
        raise UserError("--after-bytes is about connections to come", "say how many with --next")
    asked = FaultRequest(
        kind="drop", endpoint=EndpointId(endpoint), connections=following, after_bytes=after_bytes
    )
    then = f"the next {following} connections to {endpoint} will be cut" if following else ""
    _cause(session, asked, then)


@fault.command("delay")
@with_session()
def delay(session: Session, endpoint: Named, milliseconds: Annotated[int, typer.Argument(min=0)]) -> None:
    """Delay whatever is read from clients or the compute, each way; 0 ends it.

    Example: dormouse fault delay ep-cold-sea-12345678 200
    """
    asked = FaultRequest(kind="delay", endpoint=EndpointId(endpoint), delay_ms=milliseconds)
    _cause(session, asked, f"connections to {endpoint} are delayed by {milliseconds} ms each way")


@fault.command("deny")
@with_session()
def deny(session: Session, endpoint: Named, seconds: Annotated[float, typer.Argument(min=0.1)]) -> None:
    """Refuse new connections for a time, as Neon does when a compute cannot be reached.

    Example: dormouse fault deny ep-cold-sea-12345678 30
    """
    asked = FaultRequest(kind="deny", endpoint=EndpointId(endpoint), seconds=seconds)
    _cause(session, asked, f"new connections to {endpoint} are refused for {seconds:g} s")


@fault.command("clear")
@with_session()
def clear(
    session: Session,
    endpoint: Annotated[str | None, typer.Argument(metavar="ENDPOINT", help="Default: all.")] = None,
) -> None:
    """End what was set by drop, delay and deny.

    Example: dormouse fault clear
    """
    asked = FaultRequest(kind="clear", endpoint=None if endpoint is None else EndpointId(endpoint))
    _cause(session, asked, f"nothing goes wrong on purpose {f'with {endpoint} ' if endpoint else ''}any more")


def fault_text(found: FaultInForce) -> str:
    """`delayed by 200 ms, denied for 12 s, the next 3 cut after 100 bytes`."""
    parts = []
    if found.delay_ms:
        parts.append(f"delayed by {found.delay_ms} ms")
    if found.denied_for_s:
        parts.append(f"denied for {found.denied_for_s:.0f} s")
    if found.drops:
        parts.append(f"the next {found.drops} cut after {found.drop_after_bytes} bytes")
    return ", ".join(parts)


def _cause(session: Session, asked: FaultRequest, sentence: str) -> None:
    _must_be_local(session)
    caused = session.client.cause_fault(asked)
    session.done(sentence or f"{caused.dropped} connections to {asked.endpoint} were cut", to_json(caused))


def _must_be_local(session: Session) -> None:
    if not speaks_local(session):
        raise UserError("faults are for a local platform", "see `dormouse status`, or say --local")
