"""Our own client against our own server: every method, and what it raises."""

import http.server
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dormouse.api.bodies import (
    BranchCreate,
    BranchRestore,
    BranchUpdate,
    DatabaseUpdate,
    EndpointCreate,
    EndpointUpdate,
    NewBranch,
    ProjectCreate,
    ProjectCreated,
    ProjectUpdate,
    SnapshotUpdate,
)
from dormouse.api.client import Client
from dormouse.api.errors import ApiError, Busy, Exists, Malformed, Missing, NoAnswer, NotAuthenticated, Refused
from dormouse.api.local import RESET_CONFIRMATION
from dormouse.api.records import (
    AllowedIps,
    BackupScheduleItem,
    EndpointSettings,
    MaintenanceWindow,
    PreloadLibraries,
    ProjectSettings,
    Quota,
)
from dormouse.control.model import BranchSpec
from dormouse.control.points import AtLsn, AtTime
from dormouse.errors import Locked, RuleViolation
from dormouse.names import ProjectId

KEY = "napi_a_key_for_tests"


@pytest.fixture
def made(client: Client) -> ProjectCreated:
    return client.create_project(ProjectCreate(name="demo"))


def test_account(client: Client) -> None:
    assert client.me().email == "owner@dormouse.localhost"
    assert [each.name for each in client.organizations()] == ["Local"]
    assert client.auth().auth_method == "api_key_user"
    assert [each.default for each in client.regions()] == [True]


def test_everything_of_a_project(client: Client, made: ProjectCreated) -> None:
    project, branch, endpoint = made.project.id, made.branch.id, made.endpoints[0].id

    assert client.project(project) == made.project
    assert client.branch(project, branch) == made.branch
    assert client.branches(project).branches == (made.branch,)
    assert client.branch_count(project) == 1
    assert client.branch_count(project, search="no such") == 0
    assert client.endpoint(project, endpoint) == made.endpoints[0]
    assert client.endpoints(project) == client.branch_endpoints(project, branch) == made.endpoints
    assert client.databases(project, branch) == made.databases
    assert client.database(project, branch, "neondb") == made.databases[0]
    assert client.role(project, branch, "neondb_owner").password is None
    assert client.reveal_password(project, branch, "neondb_owner") == made.roles[0].password
    assert client.roles(project, branch) == (client.role(project, branch, "neondb_owner"),)
    assert set(client.operations(project).operations) == set(made.operations)
    assert client.operation(project, made.operations[0].id) == made.operations[0]
    assert client.shared_projects().projects == ()


def test_connection_uri(client: Client, made: ProjectCreated) -> None:
    project = made.project.id
    plain = client.connection_uri(project, database="neondb", role="neondb_owner")
    pooled = client.connection_uri(project, database="neondb", role="neondb_owner", pooled=True)

    assert plain == made.connection_uris[0].connection_uri
    assert "-pooler." in pooled


def test_what_the_creator_asks_for_arrives(client: Client) -> None:
    made = client.create_project(
        ProjectCreate(
            name="shop ✿",
            pg_version=16,
            branch=NewBranch(name="trunk", role_name="Anna O'Neil", database_name="my/shop"),
            default_endpoint_settings=EndpointSettings(suspend_timeout_seconds=5),
        )
    )

    assert (made.project.name, made.project.pg_version) == ("shop ✿", 16)
    assert made.branch.name == "trunk"
    assert made.project.default_endpoint_settings is not None
    assert made.project.default_endpoint_settings.suspend_timeout_seconds == 5
    assert client.database(made.project.id, made.branch.id, "my/shop").owner_name == "Anna O'Neil"
    assert client.reveal_password(made.project.id, made.branch.id, "Anna O'Neil") == made.roles[0].password


def test_replica(client: Client, made: ProjectCreated) -> None:
    project = made.project.id
    replica = client.create_endpoint(project, EndpointCreate(branch_id=made.branch.id, type="read_only")).endpoint

    assert [each.type for each in client.endpoints(project)] == ["read_write", "read_only"]
    assert client.start_endpoint(project, replica.id).endpoint.id == replica.id
    assert client.suspend_endpoint(project, replica.id).endpoint.current_state == "idle"
    with pytest.raises(Exists, match="read_write endpoint already exists"):
        client.create_endpoint(project, EndpointCreate(branch_id=made.branch.id, type="read_write"))


def test_life_of_a_project(client: Client, made: ProjectCreated) -> None:
    project = made.project.id
    settings = ProjectSettings(allowed_ips=AllowedIps(ips=("10.0.0.1",)))

    assert client.update_project(project, ProjectUpdate(name="new", settings=settings)).project.name == "new"
    assert client.project(project).settings == replace(
        made.project.settings, allowed_ips=AllowedIps(ips=("10.0.0.1",), protected_branches_only=False)
    )
    permission = client.grant_permission(project, "anna@example.com")
    assert client.permissions(project) == (permission,)
    assert client.revoke_permission(project, permission.id) == permission
    assert client.preload_libraries(project) == ()
    assert client.delete_project(project).id == project
    assert [each.id for each in client.projects(recoverable=True).projects] == [project]
    assert client.projects().projects == ()
    assert client.recover_project(project).name == "new"


def test_life_of_a_branch(client: Client, made: ProjectCreated) -> None:
    project = made.project.id
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)

    branch = client.create_branch(project, BranchCreate(name="dev", expires_at=expires_at))
    assert branch.branch.expires_at == expires_at
    assert branch.connection_uris is not None and len(branch.endpoints) == 1
    assert client.create_branch(project, endpoints=()).endpoints == ()
    one = branch.branch.id
    assert client.update_branch(project, one, BranchUpdate(name="dev2")).branch.expires_at == expires_at
    assert client.update_branch(project, one, BranchUpdate(), never_expires=True).branch.expires_at is None
    assert client.set_default_branch(project, one).branch.default
    client.set_default_branch(project, made.branch.id)
    deleted = client.delete_branch(project, one)
    assert deleted is not None and deleted.branch.pending_state == "storage_deleted"
    with pytest.raises(Missing):
        client.delete_branch(project, one)


def test_a_branch_begins_at_the_very_millisecond(client: Client, plane: Any, made: ProjectCreated) -> None:
    project, asked = made.project.id, []
    create = plane.branches.create

    async def noting(project: str, spec: BranchSpec) -> Any:
        asked.append(spec.point)
        return await create(project, spec)

    plane.branches.create = noting
    moment = datetime.now(UTC)
    client.create_branch(project, BranchCreate(parent_timestamp=moment))
    client.create_branch(project, BranchCreate(parent_lsn="0/1FA22C0"))

    assert asked == [AtTime(moment), AtLsn(0x1FA22C0)]


def test_annotations(client: Client, made: ProjectCreated) -> None:
    made_branch = client.create_branch(made.project.id, annotation={"git": "feature/☃"}).branch

    annotations = client.branches(made.project.id).annotations
    assert {name: each.value for name, each in annotations.items()} == {made_branch.id: {"git": "feature/☃"}}


def test_restores(client: Client, made: ProjectCreated) -> None:
    project, root = made.project.id, made.branch.id
    one = client.create_branch(project, BranchCreate(name="dev")).branch.id

    reset = client.restore_branch(project, one, BranchRestore(source_branch_id=root))
    assert reset.branch.last_reset_at is not None and reset.operations
    own = BranchRestore(source_branch_id=one, source_timestamp=datetime.now(UTC), preserve_under_name="old")
    restored = client.restore_branch(project, one, own).branch
    assert restored.parent_id == client.branches(project, search="old").branches[0].id
    with pytest.raises(Refused, match="preserve_under_name is required"):
        client.restore_branch(project, one, replace(own, preserve_under_name=None))


def test_undo(client: Client, made: ProjectCreated) -> None:
    project, root = made.project.id, made.branch.id
    one = client.create_branch(project, BranchCreate(name="dev")).branch.id
    client.restore_branch(project, one, BranchRestore(source_branch_id=root))

    (kept,) = client.kept_states(project)
    assert (kept.branch_id, kept.branch_name, kept.because) == (one, "dev", "reset")
    assert kept.kept_at < kept.kept_until
    undone = client.undo_branch(project, one)
    assert undone.branch.last_reset_at is None and undone.operations
    assert [each.because for each in client.kept_states(project)] == ["undo"]
    with pytest.raises(Missing, match="nothing is kept"):
        client.undo_branch(project, root)


def test_a_deleted_branch_is_recovered_unless_it_was_deleted_hard(client: Client, made: ProjectCreated) -> None:
    project = made.project.id
    branch = client.create_branch(project, BranchCreate(name="dev"))
    one = branch.branch.id

    client.delete_branch(project, one)
    (gone,) = [each for each in client.branches(project, include_deleted=True).branches if each.recovery]
    assert gone.id == one and gone.recovery is not None and gone.recovery.deletion_method == "user"
    assert client.recover_branch(project, one).endpoints == branch.endpoints
    client.delete_branch(project, one, hard=True)
    assert client.branches(project, include_deleted=True).branches == (made.branch,)
    with pytest.raises(Missing):
        client.recover_branch(project, one)


def test_histories(client: Client, made: ProjectCreated) -> None:
    (history,) = client.branch_histories(made.project.id)

    assert (history.branch_id, history.earliest_lsn, history.head_lsn) == (
        made.branch.id,
        "0/1000000",
        "0/1FA22C0",
    )
    assert (history.own_bytes, history.bases) == (4096, 1)


def test_schemas(client: Client, plane: Any, made: ProjectCreated) -> None:
    project, root = made.project.id, made.branch.id
    one = client.create_branch(project, BranchCreate(name="dev")).branch.id
    schema = client.branch_schema(project, root, "neondb", lsn="0/1FA22C0")
    plane.state.schemas[one] = schema.replace("bigint", "uuid")

    assert client.compare_schema(project, root, "neondb", base_branch=root, timestamp=datetime.now(UTC)) == ""
    assert client.compare_schema(project, one, "neondb").splitlines() == [
        "--- main",
        "+++ dev",
        "@@ -1,3 +1,3 @@",
        " CREATE TABLE public.orders (",
        "-    id bigint NOT NULL",
        "+    id uuid NOT NULL",
        " );",
    ]
    (table,) = client.branch_tables(project, root, "neondb")
    assert (table.name, table.columns[0].type) == ("orders", "bigint")
    assert [each.type for each in table.constraints] == ["primary_key", "foreign_key"]
    assert table.constraints[1].referenced_table is not None
    with pytest.raises(Missing):
        client.branch_schema(project, root, "nope")


def test_snapshots(client: Client, made: ProjectCreated) -> None:
    project, root = made.project.id, made.branch.id
    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)

    snapshot = client.create_snapshot(project, root, name="first ✿", expires_at=tomorrow).snapshot
    assert (snapshot.name, snapshot.expires_at) == ("first ✿", tomorrow)
    assert client.create_snapshot(project, root, timestamp=datetime.now(UTC)).snapshot.manual
    assert client.update_snapshot(project, snapshot.id, SnapshotUpdate(name="second")).name == "second"
    restored = client.restore_snapshot(project, snapshot.id, name="preview")
    assert (restored.branch.name, restored.branch.restored_from) == ("preview", snapshot.id)
    assert client.finalize_restore(project, restored.branch.id, name="before")
    assert client.branch(project, root).name == "before"
    whole = client.restore_snapshot(project, snapshot.id, target_branch_id=restored.branch.id, finalize=True)
    assert whole.branch.name == "main" and whole.endpoints
    assert client.delete_snapshot(project, snapshot.id)
    assert snapshot.id not in [each.id for each in client.snapshots(project)]


def test_schedule_of_snapshots(client: Client, made: ProjectCreated) -> None:
    where = (made.project.id, made.branch.id)
    schedule = (BackupScheduleItem(frequency="daily", hour=3, retention_seconds=3600),)

    client.set_backup_schedule(*where, schedule)
    assert client.backup_schedule(*where) == schedule


def test_settings_are_kept_and_shown(client: Client) -> None:
    settings = ProjectSettings(
        quota=Quota(logical_size_bytes=5),
        maintenance_window=MaintenanceWindow(weekdays=(1,), start_time="01:00", end_time="02:00"),
        hipaa=True,
        audit_log_level="extended",
        preload_libraries=PreloadLibraries(use_defaults=True, enabled_libraries=("auto_explain",)),
    )
    usual = EndpointSettings(pg_settings={"work_mem": "8MB"})
    made = client.create_project(ProjectCreate(settings=settings, default_endpoint_settings=usual))

    kept = client.project(made.project.id)
    assert kept.settings is not None and kept.default_endpoint_settings is not None
    assert (
        replace(
            settings,
            allowed_ips=kept.settings.allowed_ips,
            enable_logical_replication=False,
            block_public_connections=False,
            block_vpc_connections=False,
        )
        == kept.settings
    )
    assert kept.default_endpoint_settings.pg_settings == {"work_mem": "8MB"}
    assert made.endpoints[0].settings == {"pg_settings": {"work_mem": "8MB"}}


def test_the_first_branch_may_be_annotated(client: Client) -> None:
    made = client.create_project(ProjectCreate(branch=NewBranch(annotations={"git": "main"})))

    annotations = client.branches(ProjectId(made.project.id)).annotations
    assert {name: each.value for name, each in annotations.items()} == {made.branch.id: {"git": "main"}}


def test_roles_and_databases(client: Client, made: ProjectCreated) -> None:
    where = (made.project.id, made.branch.id)

    role = client.create_role(*where, "anna").role
    assert client.reveal_password(*where, "anna") == role.password
    assert client.reset_password(*where, "anna").role.password != role.password
    assert client.create_role(*where, "crew", no_login=True).role.password is None
    assert client.create_database(*where, "shop", owner="anna").database.owner_name == "anna"
    changed = client.update_database(*where, "shop", DatabaseUpdate(name="store", owner_name="neondb_owner"))
    assert (changed.database.name, changed.database.owner_name) == ("store", "neondb_owner")
    assert client.delete_database(*where, "store") is not None
    assert client.delete_role(*where, "anna") is not None
    assert [each.name for each in client.roles(*where)] == ["crew", "neondb_owner"]


def test_life_of_an_endpoint(client: Client, made: ProjectCreated) -> None:
    project = made.project.id
    replica = client.create_endpoint(project, EndpointCreate(branch_id=made.branch.id, type="read_only")).endpoint

    changed = client.update_endpoint(project, replica.id, EndpointUpdate(name="reports", disabled=True)).endpoint
    assert (changed.name, changed.disabled) == ("reports", True)
    actions = [each.action for each in client.restart_endpoint(project, replica.id).operations]
    assert actions == ["suspend_compute", "start_compute"]
    assert client.delete_endpoint(project, replica.id) is not None
    assert len(client.endpoints(project)) == 1


def test_keys(client: Client) -> None:
    made = client.create_api_key("robot")

    assert made.key not in repr(made)
    assert [each.name for each in client.api_keys()] == ["robot"]
    assert Client(client.base_url, made.key).auth().account_id == made.created_by
    assert client.revoke_api_key(made.id).revoked
    with pytest.raises(NotAuthenticated):
        Client(client.base_url, made.key).auth()


def test_the_platform_itself(client: Client, made: ProjectCreated) -> None:
    assert client.health().status == "ok"
    assert client.diagnose().projects == 1
    assert client.finish_operations() == len(made.operations)
    assert client.choose_profile("timed") == client.diagnose().operations == "timed"
    with pytest.raises(Refused, match="profile"):
        client.choose_profile("late")
    with pytest.raises(Refused, match="delete everything"):
        client.reset(confirm="yes")
    assert client.reset(confirm=RESET_CONFIRMATION).projects == 1
    assert client.projects().projects == ()


def test_organization(client: Client) -> None:
    (ours,) = client.organizations()

    assert client.organization(ours.id) == ours
    with pytest.raises(Missing):
        client.organization("org-of-nobody")


def test_projects_page_by_page(client: Client) -> None:
    made = sorted(client.create_project().project.id for _ in range(5))

    seen, cursor = [], None
    while (page := client.projects(limit=2, cursor=cursor)).projects:
        seen += [each.id for each in page.projects]
        assert page.pagination is not None
        cursor = page.pagination.cursor
    assert seen == made


@pytest.mark.parametrize("ending", ["", "/", "//"])
def test_base_url_with_or_without_a_final_slash(server: Any, ending: str) -> None:
    assert Client(server.url + ending, KEY).auth().account_id


def test_missing_object(client: Client) -> None:
    with pytest.raises(Missing) as caught:
        client.project(ProjectId("no-such-one"))

    assert (caught.value.status, caught.value.code, caught.value.message) == (404, "", "project not found")
    assert len(caught.value.request_id) == 36


def test_wrong_key(server: Any) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        Client(server.url, "napi_another").me()

    assert "napi_another" not in str(caught.value) + repr(caught.value)


def test_other_refusals_keep_their_status(client: Client, plane: Any) -> None:
    plane.state.fail_with = RuleViolation("branch not ready yet")
    with pytest.raises(Refused) as caught:
        client.projects()
    assert caught.value.status == 422

    plane.state.fail_with = Locked("project already has running conflicting operations")
    with pytest.raises(Busy):
        client.projects()


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        with pytest.raises(NoAnswer, match="no answer from http://127"):
            Client(f"http://127.0.0.1:{taken.getsockname()[1]}/api/v2", KEY).me()


def test_nobody_answers_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        client = Client(f"http://127.0.0.1:{deaf.getsockname()[1]}/api/v2", KEY, timeout_s=0.05)
        with pytest.raises(NoAnswer):
            client.me()


def test_proxies_are_not_used_for_loopback(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert Client(client.base_url, KEY).auth().account_id


class Impostor(http.server.BaseHTTPRequestHandler):
    """Answers what the path says: a redirect to itself, a page, or JSON of another kind."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, kind, body = {
            "/page/users/me": (502, "text/html", b"<h1>Bad gateway</h1>"),
            "/text/users/me": (200, "text/plain", b"hello"),
            "/list/users/me": (200, "application/json", b"[]"),
            "/less/users/me": (200, "application/json", b'{"id": "x"}'),
            "/else/users/me": (400, "application/json", b'{"message": 7, "code": []}'),
        }.get(self.path, (302, "text/plain", b""))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Be still."""


@pytest.fixture
def impostor() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    handler = type("Handler", (Impostor,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join(10)


def test_redirects_are_not_followed(impostor: tuple[str, list[str]]) -> None:
    url, asked = impostor

    with pytest.raises(Refused) as caught:
        Client(url + "/away", KEY).me()
    assert caught.value.status == 302
    assert asked == ["/away/users/me"]


def test_error_that_is_not_of_the_api(impostor: tuple[str, list[str]]) -> None:
    for path, status in (("/page", 502), ("/else", 400)):
        with pytest.raises(Refused) as caught:
            Client(impostor[0] + path, KEY).me()
        assert caught.value.status == status
        assert caught.value.message == f"HTTP status {status}, without a message"


@pytest.mark.parametrize("path", ["/text", "/list", "/less"])
def test_answer_that_is_not_of_the_api(impostor: tuple[str, list[str]], path: str) -> None:
    with pytest.raises(Malformed):
        Client(impostor[0] + path, KEY).me()


@pytest.mark.parametrize("url", ["", "127.0.0.1:55433", "ftp://x/api/v2", "http://", "http://user:pw@host/api"])
def test_address_that_cannot_be_called(url: str) -> None:
    with pytest.raises(ApiError) as caught:
        Client(url, KEY)
    assert "pw" not in caught.value.message


@pytest.mark.parametrize("key", ["a\nb", "ü", "a\0"])
def test_key_that_cannot_be_sent_is_not_shown(key: str) -> None:
    with pytest.raises(ApiError) as caught:
        Client("http://localhost/api/v2", key)
    assert key not in caught.value.message


def test_client_does_not_show_its_key(client: Client) -> None:
    assert KEY not in repr(client)
