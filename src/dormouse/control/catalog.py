"""The records on disk: SQLite, with all but the operations in memory as well.

Reading is a look into dictionaries, which the proxy does for every connection. A change is a function from
what is there to what to put or delete; changes are taken one after the other, each one transaction off the
event loop, and memory follows the disk, never the other way round.
"""

import asyncio
import sqlite3
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, cast

from dormouse.control.changes import Change, Delete, Put, Record
from dormouse.control.encoding import from_json, is_nested, to_json
from dormouse.control.model import (
    ApiKey,
    Branch,
    Database,
    Endpoint,
    Operation,
    Permission,
    Project,
    Role,
    StoredVerifier,
)
from dormouse.control.past import Copies, Kept, LedgerEntry, Schedule, Snapshot, SnapshotId
from dormouse.control.planning import Plan
from dormouse.errors import HomeError, StorageError
from dormouse.names import BranchId, EndpointId, Incarnation, OperationId, ProjectId

__all__ = ["Catalog"]

SCHEMA_VERSION: Final = 4
"""The number of the newest script in `schema/`; each brings a file from the version before it to its own."""

Key = str | int | tuple[str, str] | tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    key: tuple[str, ...]


_TABLES: Final[dict[type, _Table]] = {
    Project: _Table("projects", ("id",)),
    Permission: _Table("permissions", ("id",)),
    ApiKey: _Table("api_keys", ("id",)),
    Branch: _Table("branches", ("id",)),
    Endpoint: _Table("endpoints", ("id",)),
    Role: _Table("roles", ("branch_id", "name")),
    Database: _Table("databases", ("id",)),
    StoredVerifier: _Table("verifiers", ("branch_id", "role")),
    Operation: _Table("operations", ("id",)),
    Plan: _Table("plans", ("id",)),
    LedgerEntry: _Table("ledger", ("incarnation", "lsn")),
    Kept: _Table("kept", ("id",)),
    Snapshot: _Table("snapshots", ("id",)),
    Schedule: _Table("schedules", ("branch_id",)),
}


class Catalog:
    """All records of one home. Made by `Catalog.open`; every method runs on the event loop."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="catalog")
        self._lock = asyncio.Lock()
        self._waiters: set[asyncio.Event] = set()
        self._next_database_id = 1
        self._load()

    @classmethod
    def open(cls, path: Path) -> "Catalog":
        """Open or make the file. Raises HomeError when it is not ours to write or of a later version."""
        try:
            with ExitStack() as on_refusal:
                connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
                on_refusal.callback(connection.close)
                path.chmod(0o600)
                connection.execute("PRAGMA journal_mode = WAL")
                # A project that was promised must be there after a power cut.
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
                _bring_up_to_date(connection, path)
                opened = cls(connection)
                on_refusal.pop_all()
                return opened
        except sqlite3.Error as error:
            raise HomeError(f"the catalog {path} cannot be opened: {error}") from error

    async def commit(self, changes: Callable[[], Iterable[Change]]) -> None:
        """Carry out what `changes` returns as one transaction.

        It is called when no other change is under way, so it may read what it replaces.
        Raises StorageError when the disk refuses; then nothing has changed.
        """
        async with self._lock:
            wanted = tuple(changes())
            interrupted = await self._written(wanted)
            for change in wanted:
                self._apply(change)
            for waiter in self._waiters:
                waiter.set()
        if interrupted is not None:
            raise interrupted

    def new_database_ids(self, count: int = 1) -> range:
        """Ids that no database has, and nobody else was given.

        They are taken before the record is written, so that a look at the records alone would give two makers in
        two projects the same one; the second would then take the first one's row. Those of a state that may be
        brought back are not free either: it brings them along.
        """
        kept = (database.id for each in self.kept.values() for database in each.copies.databases)
        first = max(self._next_database_id, max((*self.databases, *kept), default=0) + 1)
        self._next_database_id = first + count
        return range(first, self._next_database_id)

    async def put(self, *records: Record) -> None:
        """Insert or replace records that depend on nothing that may change meanwhile. As `commit`."""
        await self.commit(lambda: [Put(record) for record in records])

    async def delete(self, *records: Record) -> None:
        """Remove records. As `commit`."""
        await self.commit(lambda: [Delete(record) for record in records])

    async def until(self, predicate: Callable[[], bool]) -> None:
        """Return when `predicate` holds of the records; it is tried again after every change."""
        waiter = asyncio.Event()
        self._waiters.add(waiter)
        try:
            while not predicate():
                waiter.clear()
                await waiter.wait()
        finally:
            self._waiters.discard(waiter)

    async def operations(self, project: ProjectId) -> list[Operation]:
        """Of one project, newest first."""
        query = "SELECT * FROM operations WHERE project_id = ? ORDER BY created_at DESC, rowid DESC"
        return cast("list[Operation]", await self._read(Operation, query, (project,)))

    async def operation(self, operation: OperationId) -> Operation | None:
        """One, or None."""
        found = await self._read(Operation, "SELECT * FROM operations WHERE id = ?", (operation,))
        return cast("Operation", found[0]) if found else None

    async def ledger(self, incarnation: Incarnation) -> list[LedgerEntry]:
        """What is known of when it had written how much, in the order of the WAL."""
        query = "SELECT * FROM ledger WHERE incarnation = ? ORDER BY lsn"
        return cast("list[LedgerEntry]", await self._read(LedgerEntry, query, (incarnation,)))

    async def forget_ledger(self, incarnation: Incarnation, before: int | None = None) -> None:
        """Delete what the ledger says of an incarnation: all, or what lies before a position, but for the last.

        Raises StorageError when the disk refuses.
        """
        query = "DELETE FROM ledger WHERE incarnation = :incarnation"
        if before is not None:
            query += " AND lsn < (SELECT max(lsn) FROM ledger WHERE incarnation = :incarnation AND lsn <= :before)"
        parameters = {"incarnation": incarnation, "before": before}

        def forget() -> None:
            self._connection.execute(query, parameters)

        async with self._lock:
            try:
                await asyncio.get_running_loop().run_in_executor(self._writer, forget)
            except sqlite3.Error as error:
                raise StorageError(f"the catalog could not be written: {error}") from error

    def copies_of(self, branch: BranchId) -> Copies:
        """The records of a branch's roles, databases and passwords."""
        return Copies(
            roles=tuple(role for role in self.roles.values() if role.branch_id == branch),
            databases=tuple(database for database in self.databases.values() if database.branch_id == branch),
            verifiers=tuple(record for record in self.verifiers.values() if record.branch_id == branch),
        )

    async def close(self) -> None:
        """Finish what is being written, and close the file."""
        async with self._lock:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._connection.close)
        self._writer.shutdown()

    async def _read(self, kind: type, query: str, parameters: tuple[str, ...]) -> list[Record]:
        def read() -> list[Record]:
            cursor = self._connection.execute(query, parameters)
            names = [column[0] for column in cursor.description]
            return [_decode(kind, dict(zip(names, row, strict=True))) for row in cursor]

        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, read)
        except sqlite3.Error as error:
            raise StorageError(f"the catalog could not be read: {error}") from error

    def _load(self) -> None:
        def all_of(kind: type) -> list[Any]:
            cursor = self._connection.execute(f"SELECT * FROM {_TABLES[kind].name} ORDER BY rowid")  # noqa: S608
            names = [column[0] for column in cursor.description]
            return [_decode(kind, dict(zip(names, row, strict=True))) for row in cursor]

        self.projects: dict[ProjectId, Project] = {record.id: record for record in all_of(Project)}
        self.permissions: dict[str, Permission] = {record.id: record for record in all_of(Permission)}
        self.api_keys: dict[int, ApiKey] = {record.id: record for record in all_of(ApiKey)}
        self.branches: dict[BranchId, Branch] = {record.id: record for record in all_of(Branch)}
        self.endpoints: dict[EndpointId, Endpoint] = {record.id: record for record in all_of(Endpoint)}
        self.roles: dict[tuple[BranchId, str], Role] = {
            (record.branch_id, record.name): record for record in all_of(Role)
        }
        self.databases: dict[int, Database] = {record.id: record for record in all_of(Database)}
        self.verifiers: dict[tuple[BranchId, str], StoredVerifier] = {
            (record.branch_id, record.role): record for record in all_of(StoredVerifier)
        }
        self.plans: dict[OperationId, Plan] = {record.id: record for record in all_of(Plan)}
        self.kept: dict[OperationId, Kept] = {record.id: record for record in all_of(Kept)}
        self.snapshots: dict[SnapshotId, Snapshot] = {record.id: record for record in all_of(Snapshot)}
        self.schedules: dict[BranchId, Schedule] = {record.branch_id: record for record in all_of(Schedule)}

    async def _written(self, changes: tuple[Change, ...]) -> asyncio.CancelledError | None:
        """Return when they are on the disk, with the cancellation that came meanwhile.

        A write that has begun cannot be taken back, and memory must follow it: so whoever cancels waits for
        the disk, at the most the five seconds that SQLite tries.
        """
        writing = asyncio.get_running_loop().run_in_executor(self._writer, self._write, changes)
        interrupted: asyncio.CancelledError | None = None
        while not writing.done():
            try:
                await asyncio.wait([writing])
            except asyncio.CancelledError as error:
                interrupted = error
        try:
            writing.result()
        except sqlite3.Error as error:
            if interrupted is not None:
                raise interrupted from error
            raise StorageError(f"the catalog could not be written: {error}") from error
        return interrupted

    def _write(self, changes: tuple[Change, ...]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for change in changes:
                self._connection.execute(*_statement(change))
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _memory_of(self, kind: type) -> dict[Any, Any] | None:
        tables: dict[type, dict[Any, Any]] = {
            Project: self.projects,
            Permission: self.permissions,
            ApiKey: self.api_keys,
            Branch: self.branches,
            Endpoint: self.endpoints,
            Role: self.roles,
            Database: self.databases,
            StoredVerifier: self.verifiers,
            Plan: self.plans,
            Kept: self.kept,
            Snapshot: self.snapshots,
            Schedule: self.schedules,
        }
        return tables.get(kind)

    def _apply(self, change: Change) -> None:
        memory = self._memory_of(type(change.record))
        if memory is None:
            return
        key = _key(change.record)
        if isinstance(change, Put):
            memory[key] = change.record
        else:
            memory.pop(key, None)
            self._drop_dependents(change.record)

    def _drop_dependents(self, record: Record) -> None:
        """In memory, what ON DELETE CASCADE does on disk."""
        if isinstance(record, Project):
            for branch in [b for b in self.branches.values() if b.project_id == record.id]:
                self._apply(Delete(branch))
            owned: tuple[dict[Any, Any], ...] = (self.permissions, self.kept, self.snapshots)
            for table in owned:
                for key in [key for key, value in table.items() if value.project_id == record.id]:
                    del table[key]
        elif isinstance(record, Branch):
            for memory in (self.endpoints, self.roles, self.databases, self.verifiers, self.schedules):
                table = cast("dict[Any, Any]", memory)
                for key in [key for key, value in table.items() if value.branch_id == record.id]:
                    del table[key]


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or change those of an earlier version. Raises HomeError for a file of a later one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise HomeError(
            f"{path} was written by a later Dormouse (schema {version}, this one knows {SCHEMA_VERSION})",
            "upgrade Dormouse, or set DORMOUSE_HOME to another folder",
        )
    for number in range(version + 1, SCHEMA_VERSION + 1):
        script = files("dormouse.control").joinpath("schema", f"{number}.sql").read_text("utf-8")
        connection.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")


def _key(record: Record) -> Key:
    values = tuple(getattr(record, name) for name in _TABLES[type(record)].key)
    return values[0] if len(values) == 1 else cast("Key", values)


def _statement(change: Change) -> tuple[str, dict[str, Any]]:
    record = change.record
    table = _TABLES[type(record)]
    match = " AND ".join(f'"{name}" = :{name}' for name in table.key)
    if isinstance(change, Delete):
        keys = {name: getattr(record, name) for name in table.key}
        return f"DELETE FROM {table.name} WHERE {match}", keys  # noqa: S608
    values = {field.name: _encode(getattr(record, field.name)) for field in fields(record)}
    columns = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join(f":{name}" for name in values)
    updates = ", ".join(f'"{name}" = excluded."{name}"' for name in values)
    conflict = ", ".join(f'"{name}"' for name in table.key)
    # Not INSERT OR REPLACE, which would delete the old row and with it all that depends on it.
    return (
        f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) "  # noqa: S608
        f"ON CONFLICT ({conflict}) DO UPDATE SET {updates}",
        values,
    )


def _encode(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Enum():
            return value.value
        case bool():
            return int(value)
        case _ if is_nested(type(value)) or isinstance(value, tuple | Mapping):
            return to_json(value)
        case _:
            return value


def _decode(kind: type, row: dict[str, object]) -> Record:
    hints = typing.get_type_hints(kind)
    return cast("Record", kind(**{name: _decode_value(hints[name], value) for name, value in row.items()}))


def _decode_value(hint: Any, value: object) -> object:
    if value is None:
        return None
    if isinstance(hint, types.UnionType):
        (hint,) = (member for member in typing.get_args(hint) if member is not types.NoneType)
    if hint is datetime:
        return datetime.fromisoformat(str(value))
    if is_nested(hint):
        return from_json(hint, str(value))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return bool(value) if hint is bool else value
