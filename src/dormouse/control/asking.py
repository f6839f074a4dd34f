"""Asks a server one statement over its unix socket, as one of its roles, within limits.

**What read-only rests on.** The statement is sent by the extended protocol, which takes one statement and refuses
a second one behind a semicolon, inside of a transaction that was begun READ ONLY and has taken its first snapshot:
from then on Postgres itself refuses to make it READ WRITE, by SET TRANSACTION, set_config() or anything else
(manual, SET TRANSACTION). A COMMIT ends the transaction, and then nothing of the user's is sent any more. All else
ends in a ROLLBACK. What a transaction does not hold are programs and files of the server: a role that may run or
write those is not let in.

**What time rests on.** Postgres's own `statement_timeout`; some time later a cancel request from outside; then the
administrator's pg_terminate_backend(), which no exception handler of a function can catch.
"""

import asyncio
import codecs
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import psycopg

from dormouse.compute.conf import SOCKET_NAME
from dormouse.compute.server import connect_as_admin
from dormouse.control.statement_model import (
    Access,
    Answer,
    Cell,
    Complaint,
    Limits,
    ResultColumn,
    Rows,
    Statement,
    Stopped,
    complaint_of,
    sent_text,
    without_prefix,
)
from dormouse.errors import ComputeError, Invalid, RuleViolation
from dormouse.wire.extended import (
    AnswerReader,
    Column,
    Columns,
    CommandComplete,
    CopyBegins,
    Event,
    Row,
    Value,
    copy_fail,
    statement,
    terminate,
)
from dormouse.wire.messages import (
    BackendKeyData,
    ErrorResponse,
    NoticeResponse,
    ProtocolViolation,
    ReadyForQuery,
)
from dormouse.wire.startup import CancelRequest, StartupMessage

__all__ = ["APPLICATION_NAME", "ask"]

APPLICATION_NAME: Final = "dormouse console"

_READ_BYTES: Final = 64 << 10
_CONNECT_S: Final = 10.0
_NOTICES: Final = 50
_GRACE_S: Final = 0.5
"""The server's own time limit comes first: its answer is the better one."""
_STEP_S: Final = 2.0
"""Between a cancel and what is done when it had no effect; both take milliseconds on a server that answers."""

_ROLLBACK: Final = "ROLLBACK"
_BEGIN: Final = "BEGIN TRANSACTION READ ONLY"
_IS_FREE: Final = """
SELECT pg_catalog.pg_has_role('pg_execute_server_program', 'MEMBER')
    OR pg_catalog.pg_has_role('pg_write_server_files', 'MEMBER')
"""
"""Whether the role can do what no transaction holds back; true for a superuser. Takes the first snapshot, too."""

_TYPES: Final = """
SELECT pg_catalog.format_type(t.oid, t.modifier)
FROM ROWS FROM (
    pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.int4[])
) WITH ORDINALITY AS t (oid, modifier, number)
ORDER BY t.number
"""

_COPY: Final = "COPY has no place here; use psql's \\copy"


async def ask(socket_dir: Path, asked: Statement) -> Answer:
    """Carry out one statement, in a session of its own that is gone when this returns.

    Whatever Postgres says, also to the login, is in the answer. Raises Invalid for a text that cannot be sent,
    RuleViolation for a role that no transaction holds back, ComputeError for a server that does not answer.
    """
    try:
        async with _session(socket_dir, asked) as session:
            if asked.access is Access.READ_ONLY:
                await session.begin_reading()
            return await session.answer(asked)
    except _Refused as refused:
        return Answer(result=refused.complaint, seconds=0.0)
    except ProtocolViolation as error:
        raise Invalid(error.message) from error
    except OSError as error:
        raise ComputeError(f"the server does not answer: {error.strerror or error}") from error


class _Refused(Exception):
    """There is no session, or no transaction in it."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint.message)
        self.complaint = complaint


class _Gathered:
    """An answer as far as it came, and as far as the limits let it be kept."""

    def __init__(self, limits: Limits) -> None:
        self.columns: tuple[Column, ...] = ()
        self.rows: list[tuple[Value | None, ...]] = []
        self.notices: list[Complaint] = []
        self.complaint: Complaint | None = None
        self.tag = ""
        self.stopped: Stopped | None = None
        self.was_cut = False
        """Whether the server was asked to give it up for its size: then its error is of our making."""
        self.status = b""
        """As the server says it when it is ready for another: I, T or E; empty when it is not."""
        self._limits = limits
        self._kept_bytes = 0

    def add(self, event: Event) -> None:
        match event:
            case Columns(columns):
                self.columns = columns
            case Row(values) if self.stopped is None:
                self._keep(values)
            case CommandComplete(tag):
                self.tag = tag
            case ErrorResponse(fields) if self.complaint is None:
                self.complaint = complaint_of(fields)
            case NoticeResponse(fields) if len(self.notices) < _NOTICES:
                self.notices.append(complaint_of(fields))
            case CopyBegins(waits=False):
                self.notices.append(Complaint(severity="NOTICE", sqlstate="0A000", message=_COPY))
            case ReadyForQuery(status):
                self.status = status
            case _:
                pass

    def _keep(self, values: tuple[Value | None, ...]) -> None:
        size = sum(len(value.kept) for value in values if value is not None)
        if len(self.rows) == self._limits.rows:
            self.stopped = Stopped.ROWS
        elif self.rows and self._kept_bytes + size > self._limits.kept_bytes:
            self.stopped = Stopped.BYTES
        else:
            self.rows.append(values)
            self._kept_bytes += size


class _Session:
    """A connection to a server."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, socket_dir: Path, limits: Limits
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._socket_dir = socket_dir
        self._seconds = limits.seconds
        self._answers = AnswerReader(limits.value_bytes)
        self._key: BackendKeyData | None = None
        self._is_idle = False

    async def log_in(self, startup: StartupMessage) -> None:
        """Raises _Refused."""
        await self._ask_or_refuse(startup.encode())

    async def begin_reading(self) -> None:
        """Begin a transaction that cannot write. Raises _Refused, RuleViolation."""
        await self._ask_or_refuse(statement(_BEGIN))
        checked = await self._ask_or_refuse(statement(_IS_FREE))
        if checked.rows != [(Value(b"f", 1),)]:
            raise RuleViolation(
                "this role may run programs or write files on the server, "
                "and no read-only transaction holds that back",
                "choose another role, or let the statement write",
            )

    async def answer(self, asked: Statement) -> Answer:
        """Carry out the statement, and name the types of its columns."""
        is_reading, limits = asked.access is Access.READ_ONLY, asked.limits
        # One row more than is shown tells whether there are more. What may write is not to be left half done: it
        # is read to its end.
        max_rows, most_bytes = (limits.rows + 1, limits.read_bytes) if is_reading else (0, None)
        loop = asyncio.get_running_loop()
        began = loop.time()
        gathered = await self._ask(
            statement(sent_text(asked), asked.parameters, max_rows=max_rows), limits, most_bytes=most_bytes
        )
        seconds = loop.time() - began
        if is_reading and self._is_idle:
            await self._ask(statement(_ROLLBACK), limits)
        result: Rows | Complaint
        if gathered.complaint is not None and not gathered.was_cut:
            result = without_prefix(gathered.complaint, asked.explain)
        else:
            result = Rows(
                columns=await self._named(gathered.columns),
                rows=tuple(tuple(map(_cell, row)) for row in gathered.rows),
                tag=gathered.tag,
                stopped=gathered.stopped,
                left_open=not is_reading and gathered.status == b"T",
            )
        notices = tuple(without_prefix(notice, asked.explain) for notice in gathered.notices)
        return Answer(result=result, notices=notices, seconds=seconds)

    async def close(self) -> None:
        """End it, and what it still does; returns when the server has hung up, or does not do so in time."""
        try:
            if not self._is_idle:
                await self._cancel()
            self._writer.write(terminate())
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_STEP_S):
                    # A server that is sending hears of the end only when somebody reads.
                    while await self._reader.read(_READ_BYTES):
                        pass
        finally:
            self._writer.transport.abort()

    async def _named(self, columns: Sequence[Column]) -> tuple[ResultColumn, ...]:
        """With their types as Postgres writes them; without, where it cannot be asked any more."""
        types = [""] * len(columns)
        if columns and self._is_idle:
            lists = (
                "{" + ",".join(str(column.type_oid) for column in columns) + "}",
                "{" + ",".join(str(column.type_modifier) for column in columns) + "}",
            )
            asked = await self._ask(statement(_TYPES, lists), Limits(seconds=self._seconds, rows=len(columns)))
            if len(asked.rows) == len(columns):
                types = ["" if value is None else _text(value) for (value,) in asked.rows]
        return tuple(
            ResultColumn(name=column.name, type=kind) for column, kind in zip(columns, types, strict=True)
        )

    async def _ask_or_refuse(self, messages: bytes) -> _Gathered:
        asked = await self._ask(messages, Limits(seconds=self._seconds))
        if asked.complaint is not None:
            raise _Refused(asked.complaint)
        return asked

    async def _ask(self, messages: bytes, limits: Limits, *, most_bytes: int | None = None) -> _Gathered:
        """Send, and gather the answer. More than `most_bytes` of it, or of what is kept, is cut off."""
        gathered = _Gathered(limits)
        self._is_idle = False
        self._writer.write(messages)
        # Each step has its time, and what is done when that is over.
        for seconds, stop in (
            (limits.seconds + _GRACE_S, self._cancel),
            (_STEP_S, self._terminate_backend),
            (_STEP_S, self._hang_up),
        ):
            try:
                async with asyncio.timeout(seconds):
                    await self._read_into(gathered, most_bytes)
                break
            except TimeoutError:
                await stop()
        if not self._is_idle and gathered.complaint is None and not gathered.was_cut:
            raise ComputeError("the server ended the session before it had answered")
        return gathered

    async def _read_into(self, gathered: _Gathered, most_bytes: int | None) -> None:
        """Until the server is ready for another statement, or has hung up."""
        left = most_bytes
        while not self._is_idle and (data := await self._reader.read(_READ_BYTES)):
            for event in self._answers.feed(data):
                gathered.add(event)
                match event:
                    case BackendKeyData():
                        self._key = event
                    case CopyBegins(waits=True):
                        self._writer.write(copy_fail(_COPY))
                    case ReadyForQuery():
                        self._is_idle = True
            if left is None or self._is_idle:
                continue
            left -= len(data)
            if left < 0 or gathered.stopped is Stopped.BYTES:
                gathered.stopped, gathered.was_cut = gathered.stopped or Stopped.BYTES, True
                left = None
                await self._cancel()

    async def _cancel(self) -> None:
        """Ask the server to give up what it does (manual, 53.2.8)."""
        if self._key is None:
            return
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_STEP_S):
                reader, writer = await asyncio.open_unix_connection(str(self._socket_dir / SOCKET_NAME))
                try:
                    writer.write(CancelRequest(self._key.pid, self._key.secret).encode())
                    await reader.read()
                finally:
                    writer.transport.abort()

    async def _terminate_backend(self) -> None:
        """End the server's side by force: a function may catch a cancel, and go on."""
        if self._key is None:
            return
        with contextlib.suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(_STEP_S), await connect_as_admin(self._socket_dir, "postgres") as admin:
                await admin.execute("SELECT pg_catalog.pg_terminate_backend(%s)", (self._key.pid,))

    async def _hang_up(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def _session(socket_dir: Path, asked: Statement) -> AsyncIterator[_Session]:
    """For the length of a block. Raises _Refused."""
    limits = asked.limits
    milliseconds = str(max(1, round(limits.seconds * 1000)))
    startup = StartupMessage(
        {
            "user": asked.role,
            "database": asked.database,
            "application_name": APPLICATION_NAME,
            "client_encoding": "UTF8",
            "statement_timeout": milliseconds,
            # Should the platform itself be held up in between.
            "idle_in_transaction_session_timeout": milliseconds,
            # Nothing that a role or a database is set to is to stand in the way of what was chosen here.
            "default_transaction_read_only": "on" if asked.access is Access.READ_ONLY else "off",
        }
    )
    async with asyncio.timeout(_CONNECT_S):
        reader, writer = await asyncio.open_unix_connection(str(socket_dir / SOCKET_NAME))
    session = _Session(reader, writer, socket_dir, limits)
    try:
        await session.log_in(startup)
        yield session
    finally:
        await session.close()


def _cell(value: Value | None) -> Cell | None:
    if value is None:
        return None
    return Cell(_text(value), value.length, is_cut=len(value.kept) < value.length)


def _text(value: Value) -> str:
    """Without the half of a character at which it may have been cut."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(value.kept)
