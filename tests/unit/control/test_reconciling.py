"""The records follow the server."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.changes import Change, Delete, Put
from dormouse.control.model import Branch, BranchState, Database, Role, StoredVerifier
from dormouse.control.reconciling import OnServer, reconcile
from dormouse.names import BranchId, Incarnation, ProjectId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BRANCH = Branch(
    id=BranchId("br-a"),
    project_id=ProjectId("p"),
    name="main",
    incarnation=Incarnation("0" * 32),
    state=BranchState.READY,
    default=True,
    protected=False,
    created_at=NOW,
    updated_at=NOW,
)
ANNA = Role(branch_id=BRANCH.id, name="anna", password="kept", protected=False, created_at=NOW, updated_at=NOW)
SHOP = Database(id=3, branch_id=BRANCH.id, name="shop", owner_name="anna", created_at=NOW, updated_at=NOW)


def changes(server: OnServer, roles: list[Role], databases: list[Database]) -> list[Change]:
    return reconcile(BRANCH, server, roles, databases, [], next_database_id=10, now=NOW)


def test_what_agrees_is_left_alone_with_its_password() -> None:
    assert changes(OnServer(roles={"anna": True}, owners={"shop": "anna"}), [ANNA], [SHOP]) == []


def test_what_was_made_by_sql_is_found_without_a_password() -> None:
    found = changes(OnServer(roles={"ben": True}, owners={"store": "ben", "till": "ben"}), [], [])

    assert [(c.record.name, getattr(c.record, "id", None)) for c in found] == [  # type: ignore[union-attr]
        ("ben", None),
        ("store", 10),
        ("till", 11),
    ]
    assert isinstance(found[0].record, Role)
    assert found[0].record.password is None


def test_what_was_dropped_by_sql_is_forgotten() -> None:
    assert changes(OnServer(), [ANNA], [SHOP]) == [Delete(ANNA), Delete(SHOP)]


def test_another_owner_and_another_right_to_log_in_are_noted() -> None:
    found = changes(OnServer(roles={"anna": False}, owners={"shop": "ben"}), [ANNA], [SHOP])

    assert found == [Put(replace(ANNA, no_login=True)), Put(replace(SHOP, owner_name="ben"))]


def test_verifiers_follow_the_server() -> None:
    kept = [
        StoredVerifier(branch_id=BRANCH.id, role=role, verifier=f"SCRAM-{role}")
        for role in ("same", "old", "gone")
    ]
    server = OnServer(verifiers={"same": "SCRAM-same", "old": "SCRAM-changed", "new": "SCRAM-new"})

    found = reconcile(BRANCH, server, [], [], kept, next_database_id=10, now=NOW)

    assert found == [
        Delete(kept[2]),
        Put(replace(kept[1], verifier="SCRAM-changed")),
        Put(StoredVerifier(branch_id=BRANCH.id, role="new", verifier="SCRAM-new")),
    ]


NAMES = st.sampled_from(["anna", "ben", "☃", "a b"])


@given(st.dictionaries(NAMES, st.booleans()), st.dictionaries(NAMES, NAMES), st.sets(NAMES), st.sets(NAMES))
def test_once_is_enough(
    roles: dict[str, bool], owners: dict[str, str], known_roles: set[str], known_databases: set[str]
) -> None:
    server = OnServer(roles=roles, owners=owners)
    role_records = {name: replace(ANNA, name=name) for name in known_roles}
    database_records = {name: replace(SHOP, id=n, name=name) for n, name in enumerate(sorted(known_databases))}

    for change in changes(server, list(role_records.values()), list(database_records.values())):
        records = role_records if isinstance(change.record, Role) else database_records
        name = change.record.name  # type: ignore[union-attr]
        if isinstance(change, Put):
            records[name] = change.record  # type: ignore[assignment]
        else:
            del records[name]

    assert changes(server, list(role_records.values()), list(database_records.values())) == []
