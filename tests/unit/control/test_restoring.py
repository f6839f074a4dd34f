"""What the records are after a restore, an undo, a recovery: changes are made to a few of them, in their order."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.changes import Change, Delete, Put, Record
from dormouse.control.model import (
    Branch,
    BranchState,
    Database,
    Endpoint,
    EndpointDefaults,
    EndpointType,
    Project,
    Role,
    StoredVerifier,
)
from dormouse.control.past import Copies, Kept, KeptBecause, Schedule, ScheduleItem
from dormouse.control.planning import Origin
from dormouse.control.reconciling import OnServer
from dormouse.control.restoring import (
    as_kept,
    brought_back,
    copied_to,
    finalized,
    may_restore,
    preserved,
    restored,
    settled_records,
    taken_back,
    wanted_verifiers,
)
from dormouse.errors import Conflict, RuleViolation
from dormouse.names import BranchId, EndpointId, Incarnation, OperationId, ProjectId

BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 2, 1, 12, 0, 0, 123_456, tzinfo=UTC)
WHOLE = NOW.replace(microsecond=0)
OLD, NEW = Incarnation("0f" * 16), Incarnation("1e" * 16)

PROJECT = Project(
    id=ProjectId("p"),
    name="shop",
    pg_version=17,
    region_id="here",
    store_passwords=True,
    history_retention_seconds=3600,
    default_endpoint_settings=EndpointDefaults(),
    created_at=BEFORE,
    updated_at=BEFORE,
)


def branch(name: str, parent: str | None = None, /, **more: Any) -> Branch:
    made = Branch(
        id=BranchId(f"br-{name}"),
        project_id=PROJECT.id,
        name=name,
        incarnation=OLD,
        state=BranchState.READY,
        default=False,
        protected=False,
        created_at=BEFORE,
        updated_at=BEFORE,
        parent_id=None if parent is None else BranchId(f"br-{parent}"),
        end_of_wal="0/A00000",
    )
    return replace(made, **more)


def endpoint(name: str, of: Branch, kind: EndpointType = EndpointType.READ_WRITE) -> Endpoint:
    return Endpoint(
        id=EndpointId(f"ep-{name}"),
        project_id=PROJECT.id,
        branch_id=of.id,
        type=kind,
        name="",
        autoscaling_limit_min_cu=0.25,
        autoscaling_limit_max_cu=0.25,
        suspend_timeout_seconds=0,
        disabled=False,
        created_at=BEFORE,
        updated_at=BEFORE,
    )


def role(name: str, password: str | None, of: Branch) -> Role:
    return Role(
        branch_id=of.id, name=name, password=password, protected=False, created_at=BEFORE, updated_at=BEFORE
    )


def database(number: int, name: str, of: Branch, owner: str = "anna") -> Database:
    return Database(id=number, branch_id=of.id, name=name, owner_name=owner, created_at=BEFORE, updated_at=BEFORE)


def verifier(name: str, text: str, of: Branch) -> StoredVerifier:
    return StoredVerifier(branch_id=of.id, role=name, verifier=text)


def copies(of: Branch, /, *databases: Database, **passwords: str | None) -> Copies:
    """Roles with these passwords; one without has no verifier either."""
    return Copies(
        roles=tuple(role(name, password, of) for name, password in passwords.items()),
        databases=databases,
        verifiers=tuple(verifier(name, f"SCRAM {word}", of) for name, word in passwords.items() if word),
    )


def records_of(found: Copies) -> list[Record]:
    return [*found.roles, *found.databases, *found.verifiers]


class Records(dict[tuple[object, ...], Any]):
    """Those of one project, with the constraints that the catalog has on disk."""

    def __init__(self, *records: Record) -> None:
        super().__init__()
        self.take(map(Put, records))

    def take(self, changes: Iterable[Change]) -> "Records":
        for change in changes:
            record: Any = change.record
            match record:
                case Role():
                    key: tuple[object, ...] = (Role, record.branch_id, record.name)
                case StoredVerifier():
                    key = (StoredVerifier, record.branch_id, record.role)
                case _:
                    key = (type(record), record.id)
            if isinstance(change, Put):
                self[key] = record
            else:
                del self[key]
            self._check()
        return self

    def of(self, kind: type, at: Branch | None = None) -> list[Any]:
        found = [record for (each, *_), record in self.items() if each is kind]
        return [record for record in found if at is None or record.branch_id == at.id]

    def copies(self, at: Branch) -> Copies:
        return Copies(
            roles=tuple(self.of(Role, at)),
            databases=tuple(self.of(Database, at)),
            verifiers=tuple(self.of(StoredVerifier, at)),
        )

    def parents(self) -> dict[str, str | None]:
        names = {each.id: each.name for each in self.of(Branch)}
        return {each.name: names.get(each.parent_id) for each in self.of(Branch)}

    def _check(self) -> None:
        branches = self.of(Branch)
        there = {each.id for each in branches}
        assert len({each.name for each in branches}) == len(branches)
        assert {each.parent_id for each in branches} <= {*there, None}
        for kind in (Endpoint, Role, Database, StoredVerifier):
            assert {each.branch_id for each in self.of(kind)} <= there
        databases = [(each.branch_id, each.name) for each in self.of(Database)]
        assert len(databases) == len(set(databases))


# Whether it may be.

MAIN = branch("main", default=True)
DEV = branch("dev", "main")


@pytest.mark.parametrize(
    ("target", "source", "children", "at_head", "preserve", "says"),
    [
        (DEV, MAIN, [], True, None, None),
        (DEV, MAIN, [], False, None, None),
        (DEV, DEV, [], False, "old", None),
        (DEV, branch("other"), [], True, None, None),
        (MAIN, MAIN, [DEV], False, "old", None),
        (MAIN, DEV, [DEV], True, "old", None),
        # A protected branch may be restored, but not reset.
        (replace(DEV, protected=True), MAIN, [], True, None, "cannot reset protected branch"),
        (replace(DEV, protected=True), MAIN, [], True, "old", "cannot reset protected branch"),
        (replace(DEV, protected=True), MAIN, [], False, None, None),
        (DEV, MAIN, [branch("x", "dev")], True, None, "Branch has children, preserve_under_name is required"),
        (DEV, MAIN, [branch("x", "dev")], False, "", "Branch has children, preserve_under_name is required"),
        (DEV, MAIN, [branch("x", "dev")], True, "old", None),
        (DEV, DEV, [branch("x", "dev")], False, None, "Branch has children, preserve_under_name is required"),
        (DEV, DEV, [], False, None, "preserve_under_name is required to restore a branch to its own past"),
        (
            DEV,
            DEV,
            [],
            True,
            "old",
            "source_timestamp or source_lsn is required to restore a branch to its own past",
        ),
    ],
)
def test_what_may_be_restored(
    target: Branch, source: Branch, children: list[Branch], at_head: bool, preserve: str | None, says: str | None
) -> None:
    if says is None:
        may_restore(target, source, children, at_head=at_head, preserve=preserve)
        return
    with pytest.raises(RuleViolation, match=f"^{says}$"):
        may_restore(target, source, children, at_head=at_head, preserve=preserve)


# Whose child is whose: production→dev→x becomes production→dev-old→{x, dev}.


def origin(
    source: Branch, *, preserve: str = "", because: KeptBecause = KeptBecause.RESTORE, **more: Any
) -> Origin:
    return Origin(
        branch_id=source.id,
        incarnation=source.incarnation,
        into=NEW,
        preserve_as=BranchId(f"br-{preserve}") if preserve else None,
        preserve_under_name=preserve,
        because=because,
        **more,
    )


def restore(records: Records, target: Branch, source: Origin, **more: Any) -> Branch:
    """Give a branch other data, as the platform does; the branch as it is then."""
    if source.preserve_as is not None:
        records.take([Put(preserved(target, source, NOW))])
    children = [
        each for each in records.of(Branch) if each.parent_id == target.id and each.id != source.preserve_as
    ]
    values = {"end_of_wal": "0/B00000", "parent_timestamp": NOW, "now": NOW, **more}
    records.take(restored(target, source, NEW, children, **values))
    found: Branch = records[Branch, target.id]
    return found


TREE = (MAIN, DEV, branch("x", "dev"), branch("y", "dev"), branch("other", "main"))


@pytest.mark.parametrize(
    ("target", "source", "preserve", "expected"),
    [
        # To its own past.
        ("dev", "dev", "old", {"old": "main", "dev": "old", "x": "old", "y": "old"}),
        ("x", "x", "old", {"old": "dev", "x": "old"}),
        ("main", "main", "old", {"old": None, "main": "old", "dev": "old", "other": "old"}),
        # From its parent.
        ("x", "dev", "", {}),
        ("x", "dev", "old", {"old": "dev"}),
        ("dev", "main", "old", {"old": "main", "x": "old", "y": "old"}),
        # From another branch it becomes that one's child.
        ("x", "other", "", {"x": "other"}),
        ("x", "y", "old", {"old": "dev", "x": "y"}),
        ("other", "dev", "", {"other": "dev"}),
        # From one of its own descendants, which goes with what is preserved.
        ("main", "dev", "old", {"old": None, "dev": "old", "other": "old", "main": "dev"}),
        ("main", "x", "old", {"old": None, "dev": "old", "other": "old", "main": "x"}),
    ],
)
def test_who_becomes_whose_child(target: str, source: str, preserve: str, expected: dict[str, str | None]) -> None:
    records = Records(*TREE)
    before = records.parents()
    by_name = {each.name: each for each in TREE}

    restore(records, by_name[target], origin(by_name[source], preserve=preserve))

    assert records.parents() == before | expected


@given(st.data(), st.lists(st.integers(0, 9), min_size=1, max_size=9))
def test_a_tree_stays_a_tree(data: st.DataObject, parents: list[int]) -> None:
    names = ["0", *(str(number + 1) for number in range(len(parents)))]
    tree = [branch("0"), *(branch(str(n + 1), str(parent % (n + 1))) for n, parent in enumerate(parents))]
    target, source = data.draw(st.sampled_from(tree)), data.draw(st.sampled_from(tree))
    must = source is target or any(each.parent_id == target.id for each in tree)
    preserve = "old" if must or data.draw(st.booleans()) else ""
    records = Records(*tree)

    restore(records, target, origin(source, preserve=preserve))

    parents_now = records.parents()
    assert parents_now.keys() == {*names, *([preserve] if preserve else [])}
    for name in parents_now:
        walked = [name]
        while (above := parents_now[walked[-1]]) is not None:
            assert above not in walked
            walked.append(above)


def test_a_restored_branch_keeps_all_but_its_data() -> None:
    target = branch(
        "dev",
        "main",
        state=BranchState.RESETTING,
        expires_at=NOW + timedelta(days=1),
        ttl_interval_seconds=7200,
        annotation={"git": "feature"},
        last_reset_at=BEFORE,
        stopped_cleanly=False,
        config_pending=True,
    )
    records = Records(MAIN, target)

    found = restore(records, target, origin(MAIN, lsn="0/900000"), parent_timestamp=NOW - timedelta(hours=1))

    assert found == replace(
        target,
        incarnation=NEW,
        state=BranchState.READY,
        parent_lsn="0/900000",
        parent_timestamp=WHOLE - timedelta(hours=1),
        end_of_wal="0/B00000",
        stopped_cleanly=True,
        config_pending=False,
        updated_at=WHOLE,
    )


def test_from_a_head_it_begins_where_its_data_ends() -> None:
    assert restore(Records(MAIN, DEV), DEV, origin(MAIN)).parent_lsn == "0/B00000"


@pytest.mark.parametrize(
    ("because", "ttl", "reset_at", "lives_for"),
    [
        (KeptBecause.RESET, 7200, WHOLE, timedelta(hours=2)),
        (KeptBecause.RESET, None, WHOLE, None),
        (KeptBecause.RESTORE, 7200, None, timedelta(minutes=5)),
        (KeptBecause.UNDO, 7200, None, timedelta(minutes=5)),
    ],
)
def test_a_reset_begins_its_time_anew(
    because: KeptBecause, ttl: int | None, reset_at: datetime | None, lives_for: timedelta | None
) -> None:
    ends = WHOLE + timedelta(minutes=5) if ttl else None
    target = replace(DEV, ttl_interval_seconds=ttl, expires_at=ends)

    found = restore(Records(MAIN, target), target, origin(MAIN, because=because))

    assert found.last_reset_at == reset_at
    assert found.ttl_interval_seconds == ttl
    assert found.expires_at == (None if lives_for is None else WHOLE + lives_for)


def test_what_is_preserved_is_an_ordinary_branch() -> None:
    target = branch(
        "main",
        default=True,
        protected=True,
        expires_at=NOW,
        ttl_interval_seconds=60,
        annotation={"git": "main"},
        parent_lsn="0/100",
        last_reset_at=BEFORE,
    )

    assert preserved(target, origin(target, preserve="it's 100% ☃"), NOW) == branch(
        "main",
        id=BranchId("br-it's 100% ☃"),
        name="it's 100% ☃",
        parent_lsn="0/100",
        last_reset_at=BEFORE,
        created_at=WHOLE,
        updated_at=WHOLE,
    )


def test_nothing_is_preserved_where_nobody_asked() -> None:
    with pytest.raises(AssertionError, match="nothing is to be preserved"):
        preserved(DEV, origin(MAIN), NOW)


# Passwords, roles and databases.


def test_a_branch_keeps_its_passwords_and_learns_those_that_it_does_not_know() -> None:
    own, source = copies(DEV, anna="a", ben="b"), copies(MAIN, anna="x", carl="c")

    assert wanted_verifiers(own, source) == {"anna": "SCRAM a", "ben": "SCRAM b", "carl": "SCRAM c"}
    assert wanted_verifiers(Copies(), Copies()) == {}


def settle(server: OnServer, own: Copies, source: Copies) -> Records:
    records = Records(MAIN, DEV, *records_of(own))
    return records.take(settled_records(DEV, server, own, source, next_database_id=70, now=NOW))


def test_the_records_say_what_the_new_data_has() -> None:
    own = copies(DEV, database(1, "shop", DEV), database(2, "gone", DEV), anna="a", ben="b")
    server = OnServer(
        roles={"anna": True, "carl": True, "dora": False},
        owners={"shop": "carl", "then": "anna"},
        verifiers={"anna": "SCRAM a", "carl": "SCRAM c"},
    )

    found = settle(server, own, copies(MAIN, database(3, "then", MAIN), anna="x", carl="c", emil="e")).copies(DEV)

    assert {each.name: (each.password, each.no_login) for each in found.roles} == {
        "anna": ("a", False),
        # The source knows this one's password, and nobody knows of the other.
        "carl": ("c", False),
        "dora": (None, True),
    }
    assert {each.role: each.verifier for each in found.verifiers} == {"anna": "SCRAM a", "carl": "SCRAM c"}
    assert {each.id: (each.name, each.owner_name) for each in found.databases} == {
        1: ("shop", "carl"),
        70: ("then", "anna"),
    }


def test_where_the_new_data_has_the_same_nothing_changes() -> None:
    own = copies(DEV, database(1, "shop", DEV), anna="a")
    server = OnServer(roles={"anna": True}, owners={"shop": "anna"}, verifiers={"anna": "SCRAM a"})

    assert settled_records(DEV, server, own, copies(MAIN, anna="x"), next_database_id=70, now=NOW) == []


def test_a_password_of_a_role_that_has_none_in_the_new_data_is_forgotten() -> None:
    server = OnServer(roles={"anna": True}, owners={}, verifiers={})

    found = settle(server, copies(DEV, anna="a"), copies(MAIN, anna="x")).copies(DEV)

    assert [(role.name, role.password) for role in found.roles] == [("anna", None)]
    assert found.verifiers == ()


def test_copies_are_another_branchs_with_ids_of_their_own() -> None:
    own = copies(MAIN, database(1, "shop", MAIN), database(2, "two", MAIN), anna="a", ben=None)

    records = Records(MAIN, DEV, *records_of(own)).take(copied_to(DEV.id, own, range(70, 72)))

    assert records.copies(MAIN) == own
    assert records.copies(DEV) == copies(
        DEV, database(70, "shop", DEV), database(71, "two", DEV), anna="a", ben=None
    )


def test_every_database_needs_an_id() -> None:
    with pytest.raises(ValueError, match="shorter"):
        copied_to(DEV.id, copies(MAIN, database(1, "shop", MAIN)), range(0))


# What is kept, and brought back.


def kept_of(found: Branch, had: Copies, because: KeptBecause, *endpoints: Endpoint) -> Kept:
    return as_kept(OperationId("op-1"), PROJECT, found, had, because, NOW, endpoints=endpoints)


def test_a_state_is_kept_for_as_long_as_the_project_keeps_history() -> None:
    had = copies(DEV, anna="a")
    resetting = replace(DEV, state=BranchState.RESETTING)

    assert as_kept(
        OperationId("op-1"), PROJECT, resetting, had, KeptBecause.RESET, NOW, preserved_as=BranchId("br-old")
    ) == Kept(
        id=OperationId("op-1"),
        project_id=PROJECT.id,
        # It comes back as one that can be used.
        branch=DEV,
        copies=had,
        endpoints=(),
        because=KeptBecause.RESET,
        kept_at=NOW,
        kept_until=NOW + timedelta(hours=1),
        preserved_as=BranchId("br-old"),
    )


def test_a_deleted_branch_comes_back_with_all_that_it_had_and_stays() -> None:
    gone = replace(DEV, expires_at=NOW, ttl_interval_seconds=60)
    primary, replica = endpoint("a", gone), endpoint("b", gone, EndpointType.READ_ONLY)
    had = copies(gone, database(1, "shop", gone), anna="a", ben=None)
    kept = kept_of(gone, had, KeptBecause.DELETE, primary, replica)

    records = Records(MAIN, kept).take(brought_back(kept, [MAIN], NOW))

    back = replace(gone, expires_at=None, ttl_interval_seconds=None, updated_at=WHOLE)
    assert records == Records(MAIN, back, primary, replica, *records_of(had))


@pytest.mark.parametrize(
    ("others", "parent"),
    [
        ([MAIN], "br-main"),
        # Its parent was deleted, or restored under another id, meanwhile: then it is a root.
        ([branch("other")], None),
        ([branch("main", id=BranchId("br-another"))], None),
    ],
)
def test_it_is_its_parents_child_again_where_that_is_there(others: list[Branch], parent: str | None) -> None:
    kept = kept_of(DEV, Copies(), KeptBecause.DELETE)

    records = Records(*others, kept).take(brought_back(kept, others, NOW))

    assert records[Branch, DEV.id].parent_id == parent


def test_it_does_not_come_back_under_a_name_that_was_taken_meanwhile() -> None:
    with pytest.raises(Conflict, match=r"^branch already exists$"):
        brought_back(kept_of(DEV, Copies(), KeptBecause.DELETE), [branch("dev", id=BranchId("br-another"))], NOW)


NAMES = ("anna", "ben", "carl")


@st.composite
def any_copies(draw: st.DrawFn, first_id: int, *, odd: bool = False) -> Copies:
    """Roles with a password, without one, with one that is not kept or not known; `odd`: not even the role is."""
    roles = draw(st.lists(st.sampled_from(NAMES), unique=True))
    words = {name: draw(st.sampled_from([None, f"{name} {first_id}"])) for name in roles}
    verified = [name for name in NAMES if (odd or name in words) and draw(st.booleans())]
    databases = draw(st.lists(st.sampled_from(["shop", "two"]), unique=True))
    return Copies(
        roles=tuple(role(name, word, DEV) for name, word in words.items()),
        databases=tuple(database(first_id + n, name, DEV) for n, name in enumerate(databases)),
        verifiers=tuple(verifier(name, f"SCRAM {name} {first_id}", DEV) for name in verified),
    )


def take_back(records: Records, kept: Kept) -> Kept:
    """Undo, as the platform does: what it took the place of is kept."""
    present: Branch = records[Branch, kept.branch.id]
    instead = replace(
        as_kept(OperationId("op-2"), PROJECT, present, records.copies(present), KeptBecause.UNDO, NOW),
        id=OperationId(f"{kept.id}+"),
    )
    changes = taken_back(kept, present, records.copies(present), records.of(Branch), NOW)
    records.take([*changes, Put(instead)])
    return instead


@given(any_copies(10), any_copies(20), st.booleans())
def test_to_undo_an_undo_is_to_have_done_nothing(then: Copies, now: Copies, pending: bool) -> None:
    old = replace(DEV, config_pending=pending, end_of_wal="0/800000", stopped_cleanly=not pending)
    kept = kept_of(old, then, KeptBecause.RESET)
    present = replace(DEV, incarnation=NEW, parent_lsn="0/90", parent_timestamp=WHOLE, last_reset_at=WHOLE)
    records = Records(MAIN, present, kept, *records_of(now))
    before = dict(records)

    again = take_back(records, kept)
    meanwhile = dict(records)
    take_back(records, again)

    def data(found: dict[tuple[object, ...], Any]) -> dict[tuple[object, ...], Any]:
        """Without what is kept, and without that the server is to be told of passwords."""
        left = {key: record for key, record in found.items() if not isinstance(record, Kept)}
        dev = left[Branch, DEV.id]
        return left | {(Branch, DEV.id): replace(dev, updated_at=BEFORE, config_pending=False)}

    assert data(records) == data(before)
    there = meanwhile[Branch, DEV.id]
    assert (there.incarnation, there.end_of_wal, there.last_reset_at) == (OLD, "0/800000", None)
    assert {key for key in meanwhile if key[0] is Database} == {(Database, each.id) for each in then.databases}


@given(any_copies(10, odd=True), any_copies(20, odd=True))
def test_after_an_undo_passwords_are_those_of_now_where_a_role_has_one_then_and_now(
    then: Copies, now: Copies
) -> None:
    kept = kept_of(DEV, then, KeptBecause.RESET)
    records = Records(MAIN, replace(DEV, incarnation=NEW), kept, *records_of(now))

    take_back(records, kept)

    verifiers_then = {each.role: each.verifier for each in then.verifiers}
    verifiers_now = {each.role: each.verifier for each in now.verifiers}
    words = {each.name: each.password for each in now.roles}
    found = records.copies(DEV)
    assert {each.role: each.verifier for each in found.verifiers} == {
        name: verifiers_now.get(name, text) for name, text in verifiers_then.items()
    }
    # A password that is shown is the one that lets in.
    for each, old in zip(found.roles, then.roles, strict=True):
        both = each.name in verifiers_then and each.name in verifiers_now
        assert each == replace(old, password=words.get(each.name) if both else old.password)
    assert records[Branch, DEV.id].config_pending is (list(found.verifiers) != list(then.verifiers))


@pytest.mark.parametrize(
    ("others", "parent"),
    [
        ([MAIN], "br-main"),
        ([branch("other")], None),
        # What was its parent is its child by now, or its child's child.
        ([branch("main", "dev")], None),
        ([branch("main", "x"), branch("x", "dev")], None),
        ([branch("main", "x"), branch("x")], "br-main"),
    ],
)
def test_after_an_undo_it_is_its_parents_child_again_if_that_makes_a_tree(
    others: list[Branch], parent: str | None
) -> None:
    present = replace(DEV, incarnation=NEW, parent_id=None)

    changes = taken_back(kept_of(DEV, Copies(), KeptBecause.RESTORE), present, Copies(), [present, *others], NOW)

    (back,) = [change.record for change in changes if isinstance(change.record, Branch)]
    assert back.parent_id == parent


def test_what_a_branch_is_beside_its_data_an_undo_leaves_alone() -> None:
    renamed = replace(
        DEV,
        name="renamed",
        protected=True,
        incarnation=NEW,
        annotation={"a": "b"},
        expires_at=WHOLE,
        last_active=NOW,
    )

    changes = taken_back(kept_of(DEV, Copies(), KeptBecause.RESET), renamed, Copies(), [MAIN, renamed], NOW)

    (back,) = [change.record for change in changes if isinstance(change, Put)]
    assert back == replace(renamed, incarnation=OLD, updated_at=WHOLE)


# A branch from a snapshot in the place of another.


def finalize(records: Records, newcomer: Branch, replaced: Branch) -> None:
    records.take(
        finalized(
            newcomer,
            replaced,
            "main (old)",
            records.copies(newcomer),
            records.copies(replaced),
            records.of(Endpoint),
            NOW,
        )
    )


FROM_SNAPSHOT = branch("restored", restored_from="snap-a", restored_as=MAIN.id, restore_status="restored")


FLAGS: list[dict[str, bool]] = [{}, {"default": True}, {"protected": True}, {"default": True, "protected": True}]


@pytest.mark.parametrize("flags", FLAGS)
def test_a_newcomer_takes_name_and_flags(flags: dict[str, bool]) -> None:
    main = branch("main", **flags)
    records = Records(main, FROM_SNAPSHOT)

    finalize(records, FROM_SNAPSHOT, main)

    assert records[Branch, main.id] == branch("main", name="main (old)", updated_at=WHOLE)
    assert records[Branch, FROM_SNAPSHOT.id] == replace(
        FROM_SNAPSHOT, name="main", restore_status="finalized", config_pending=True, updated_at=WHOLE, **flags
    )


def test_computes_change_sides_and_none_follows_another_branch() -> None:
    primary, replica = endpoint("p", MAIN), endpoint("r", MAIN, EndpointType.READ_ONLY)
    new_primary, new_replica = endpoint("n", FROM_SNAPSHOT), endpoint("nr", FROM_SNAPSHOT, EndpointType.READ_ONLY)
    elsewhere = endpoint("x", DEV)
    records = Records(MAIN, DEV, FROM_SNAPSHOT, primary, replica, new_primary, new_replica, elsewhere)

    finalize(records, FROM_SNAPSHOT, MAIN)

    assert {each.id: each.branch_id for each in records.of(Endpoint)} == {
        "ep-p": FROM_SNAPSHOT.id,
        "ep-r": FROM_SNAPSHOT.id,
        "ep-n": MAIN.id,
        "ep-x": DEV.id,
    }


def test_passwords_go_with_the_computes() -> None:
    theirs = copies(MAIN, anna="now", ben="b", dora="d")
    own = copies(FROM_SNAPSHOT, database(1, "shop", FROM_SNAPSHOT), anna="then", carl="c", dora=None)
    records = Records(MAIN, FROM_SNAPSHOT, *records_of(theirs), *records_of(own))

    finalize(records, FROM_SNAPSHOT, MAIN)

    assert records.copies(MAIN) == theirs
    found = records.copies(FROM_SNAPSHOT)
    assert {each.name: each.password for each in found.roles} == {"anna": "now", "carl": "c", "dora": None}
    assert {each.role: each.verifier for each in found.verifiers} == {"anna": "SCRAM now", "carl": "SCRAM c"}
    assert found.databases == own.databases


def test_a_password_that_is_not_known_is_not_shown() -> None:
    theirs = Copies(roles=(role("anna", None, MAIN),), verifiers=(verifier("anna", "SCRAM by SQL", MAIN),))
    records = Records(MAIN, FROM_SNAPSHOT, *records_of(theirs), *records_of(copies(FROM_SNAPSHOT, anna="then")))

    finalize(records, FROM_SNAPSHOT, MAIN)

    found = records.copies(FROM_SNAPSHOT)
    assert [each.password for each in found.roles] == [None]
    assert [each.verifier for each in found.verifiers] == ["SCRAM by SQL"]


def test_a_schedule_comes_back_with_its_branch_and_is_due_from_now_on() -> None:
    schedule = Schedule(branch_id=DEV.id, items=(ScheduleItem(frequency="hourly"),), next_at=NOW)
    kept = replace(kept_of(DEV, copies(DEV), KeptBecause.DELETE), schedule=schedule)

    [back] = [
        change.record
        for change in brought_back(kept, [MAIN], NOW + timedelta(days=1))
        if isinstance(change, Put) and isinstance(change.record, Schedule)
    ]

    assert back.items == schedule.items
    assert back.next_at is not None
    assert back.next_at > NOW + timedelta(days=1)


def test_a_schedule_goes_with_the_name() -> None:
    schedule = Schedule(branch_id=MAIN.id, items=(ScheduleItem(frequency="daily"),), next_at=NOW)

    changes = finalized(DEV, MAIN, "main (old)", copies(DEV), copies(MAIN), [], NOW, schedule=schedule)

    assert Delete(schedule) in changes
    assert Put(replace(schedule, branch_id=DEV.id)) in changes
