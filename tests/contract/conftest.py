"""The API on a port, as users meet it, and Neon's document to judge it by.

It is served by a real platform with a real Postgres; and, for what cannot be made to happen there, over a control
plane in memory.
"""

import dataclasses
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
import uvicorn

from dormouse import names
from dormouse.api.client import Client
from dormouse.control import model
from dormouse.errors import Conflict, NotFound
from dormouse.uri import ConnectionParameters
from dormouse.web.app import create_app

KEY = "napi_a_key_for_tests"
DOCUMENT = Path(__file__).parents[3] / "shared" / "reference" / "neon-openapi.json"


class MemoryService:
    """A control plane of lists, with the signatures of the real one. `fail_with` is raised by the next call."""

    def __init__(self) -> None:
        self.chance = Random(7)
        self.fail_with: Exception | None = None
        self.created: list[model.ProjectCreated] = []
        self.extra_endpoints: list[model.Endpoint] = []
        self.log: list[model.Operation] = []

    def host(self, endpoint: names.EndpointId, *, pooled: bool = False) -> str:
        return names.host_of(endpoint, names.DEFAULT_HOST_SUFFIX, pooled=pooled) + ":55432"

    async def create_project(self, spec: model.ProjectSpec) -> model.ProjectCreated:
        self._may_fail()
        now = datetime.now(UTC)
        stamps = {"created_at": now, "updated_at": now}
        project_id, branch_id = names.new_project_id(self.chance), names.new_branch_id(self.chance)
        role = model.Role(
            branch_id=branch_id,
            name=spec.role_name or names.owner_of(spec.database_name),
            password=names.new_password(self.chance),
            protected=False,
            **stamps,
        )
        endpoint = self._endpoint(
            project_id, model.EndpointSpec(branch_id=branch_id, type=model.EndpointType.READ_WRITE), stamps
        )
        actions = (model.OperationAction.CREATE_TIMELINE, model.OperationAction.START_COMPUTE)
        made = model.ProjectCreated(
            project=model.Project(
                id=project_id,
                name=spec.name or project_id,
                pg_version=spec.pg_version or 17,
                region_id=spec.region_id or "aws-us-east-2",
                store_passwords=spec.store_passwords,
                history_retention_seconds=spec.history_retention_seconds,
                default_endpoint_settings=spec.endpoint_defaults,
                **stamps,
            ),
            branch=model.Branch(
                id=branch_id,
                project_id=project_id,
                name=spec.branch_name,
                incarnation=names.new_incarnation(self.chance),
                state=model.BranchState.READY,
                default=True,
                protected=False,
                **stamps,
            ),
            endpoint=endpoint,
            role=role,
            database=model.Database(
                id=len(self.created) + 1,
                branch_id=branch_id,
                name=spec.database_name,
                owner_name=role.name,
                **stamps,
            ),
            operations=tuple(self._operation(project_id, endpoint, action) for action in actions),
        )
        kept = (
            made
            if spec.store_passwords
            else dataclasses.replace(made, role=dataclasses.replace(role, password=None))
        )
        self.created.append(kept)
        return made

    async def projects(self) -> list[model.Project]:
        self._may_fail()
        return [each.project for each in self.created]

    async def project(self, project: names.ProjectId) -> model.Project:
        return self._made(project).project

    async def branches(self, project: names.ProjectId) -> list[model.Branch]:
        return [self._made(project).branch]

    async def branch(self, project: names.ProjectId, branch: names.BranchId) -> model.Branch:
        return _one(await self.branches(project), branch, "branch not found")

    async def endpoints(self, project: names.ProjectId) -> list[model.Endpoint]:
        extra = [each for each in self.extra_endpoints if each.project_id == project]
        return [self._made(project).endpoint, *extra]

    async def endpoint(self, project: names.ProjectId, endpoint: names.EndpointId) -> model.Endpoint:
        return _one(await self.endpoints(project), endpoint, "endpoint not found")

    async def roles(self, project: names.ProjectId, branch: names.BranchId) -> list[model.Role]:
        await self.branch(project, branch)
        return [self._made(project).role]

    async def databases(self, project: names.ProjectId, branch: names.BranchId) -> list[model.Database]:
        await self.branch(project, branch)
        return [self._made(project).database]

    async def operations(self, project: names.ProjectId) -> list[model.Operation]:
        self._made(project)
        return [each for each in reversed(self.log) if each.project_id == project]

    async def operation(self, project: names.ProjectId, operation: names.OperationId) -> model.Operation:
        return _one(await self.operations(project), operation, "operation not found")

    async def create_endpoint(
        self, project: names.ProjectId, spec: model.EndpointSpec
    ) -> tuple[model.Endpoint, tuple[model.Operation, ...]]:
        await self.branch(project, spec.branch_id)
        if spec.type is model.EndpointType.READ_WRITE:
            raise Conflict("read_write endpoint already exists")
        now = datetime.now(UTC)
        endpoint = self._endpoint(project, spec, {"created_at": now, "updated_at": now})
        self.extra_endpoints.append(endpoint)
        return endpoint, (self._operation(project, endpoint, model.OperationAction.START_COMPUTE),)

    async def start_endpoint(
        self, project: names.ProjectId, endpoint: names.EndpointId
    ) -> tuple[model.Endpoint, tuple[model.Operation, ...]]:
        return await self.endpoint(project, endpoint), ()

    async def suspend_endpoint(
        self, project: names.ProjectId, endpoint: names.EndpointId
    ) -> tuple[model.Endpoint, tuple[model.Operation, ...]]:
        asleep = dataclasses.replace(
            await self.endpoint(project, endpoint), current_state=model.EndpointState.IDLE, pending_state=None
        )
        return asleep, (self._operation(project, asleep, model.OperationAction.SUSPEND_COMPUTE),)

    async def connection_parameters(
        self,
        project: names.ProjectId,
        *,
        database: str,
        role: str,
        branch: names.BranchId | None = None,
        endpoint: names.EndpointId | None = None,
        pooled: bool = False,
    ) -> ConnectionParameters:
        made = self._made(project)
        await self.branch(project, branch or made.branch.id)
        found = await self.endpoint(project, endpoint or made.endpoint.id)
        if role != made.role.name:
            raise NotFound("role not found")
        if database != made.database.name:
            raise NotFound("database not found")
        return ConnectionParameters(
            role=role,
            password=made.role.password,
            host=names.host_of(found.id, names.DEFAULT_HOST_SUFFIX, pooled=pooled),
            port=55432,
            database=database,
            options={"sslmode": "require", "channel_binding": "require"},
        )

    def _endpoint(
        self, project: names.ProjectId, spec: model.EndpointSpec, stamps: dict[str, datetime]
    ) -> model.Endpoint:
        return model.Endpoint(
            id=names.new_endpoint_id(self.chance),
            project_id=project,
            branch_id=spec.branch_id,
            type=spec.type,
            name=spec.name,
            autoscaling_limit_min_cu=0.25,
            autoscaling_limit_max_cu=0.25,
            suspend_timeout_seconds=spec.suspend_timeout_seconds or 0,
            disabled=spec.disabled,
            pending_state=model.EndpointState.ACTIVE,
            **stamps,
        )

    def _operation(
        self, project: names.ProjectId, endpoint: model.Endpoint, action: model.OperationAction
    ) -> model.Operation:
        now = datetime.now(UTC)
        operation = model.Operation(
            id=names.new_operation_id(self.chance),
            project_id=project,
            branch_id=endpoint.branch_id,
            endpoint_id=endpoint.id,
            action=action,
            status=model.OperationStatus.RUNNING,
            created_at=now,
            updated_at=now,
        )
        self.log.append(operation)
        return operation

    def _made(self, project: names.ProjectId) -> model.ProjectCreated:
        self._may_fail()
        for each in self.created:
            if each.project.id == project:
                return each
        raise NotFound("project not found")

    def _may_fail(self) -> None:
        failure, self.fail_with = self.fail_with, None
        if failure is not None:
            raise failure


def _one(items: list[Any], wanted: str, complaint: str) -> Any:
    for each in items:
        if each.id == wanted:
            return each
    raise NotFound(complaint)


class Server:
    """uvicorn on a free port, in a thread: started means that it serves. What it serves can be changed."""

    app: Any = None

    def __init__(self) -> None:
        config = uvicorn.Config(self._serve, port=0, log_config=None, interface="asgi3", lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> "Server":
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            assert self._thread.is_alive() and time.monotonic() < deadline, "the server does not start"
            time.sleep(0.005)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v2"


@dataclass(frozen=True)
class Answer:
    """What came back, headers by lower-case name."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Wire:
    """Requests on a socket; answers below the API's root are judged by the document where there is one."""

    port: int
    document: "Document | None" = None
    key: str = KEY

    def request(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """`path` is below the API's root; `body` is bytes, or a value for JSON."""
        answer = self.bare(
            method, "/api/v2" + path, body, headers={"authorization": f"Bearer {self.key}"} | (headers or {})
        )
        if self.document is not None:
            # neon-api reveals passwords by POST, which the document does not know.
            judged_as = "GET" if path.endswith("/reveal_password") else method
            self.document.check(judged_as, path.partition("?")[0], answer)
        return answer

    def bare(self, method: str, target: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Answer:
        """A request to any path, with no headers but those given."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body=content, headers=headers or {})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **more: Any) -> Answer:
        return self.request("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.request("POST", path, body, **more)


class Document:
    """Neon's OpenAPI document: which answers are allowed."""

    def __init__(self, text: str) -> None:
        self.whole = _without_nullable(json.loads(text))
        self.formats = jsonschema.FormatChecker(["email", "uuid"])
        self.formats.checks("date-time", ValueError)(_is_moment)

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Raises jsonschema.ValidationError, or AssertionError for a status that the document does not list."""
        responses = self._responses(method.lower(), path)
        if answer.status < 400:
            assert str(answer.status) in responses, f"{method} {path} may not answer {answer.status}"
        response = responses.get(str(answer.status), responses["default"])
        if "$ref" in response:
            response = self._at(response["$ref"])
        content = response.get("content", response)
        schema = content["application/json"]["schema"] if "application/json" in content else content
        self.validate(answer.json, schema)

    def validate(self, value: object, schema: dict[str, Any]) -> None:
        """Check one value."""
        whole = {"components": self.whole["components"], "allOf": [schema]}
        jsonschema.Draft202012Validator(whole, format_checker=self.formats).validate(value)

    def schema(self, name: str) -> dict[str, Any]:
        """A schema by name."""
        found: dict[str, Any] = self.whole["components"]["schemas"][name]
        return found

    def _responses(self, method: str, path: str) -> dict[str, Any]:
        segments = path.split("/")
        for template in sorted(self.whole["paths"], key=lambda each: each.count("{")):
            parts = template.split("/")
            if len(parts) == len(segments) and all(
                part.startswith("{") or part == segment for part, segment in zip(parts, segments, strict=True)
            ):
                operation = self.whole["paths"][template].get(method)
                if operation is not None:
                    found: dict[str, Any] = operation["responses"]
                    return found
        return {"default": {"$ref": "#/components/responses/GeneralError"}}

    def _at(self, reference: str) -> dict[str, Any]:
        found = self.whole
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return found


def _without_nullable(node: Any) -> Any:
    """OpenAPI 3.0 writes `nullable: true` for what JSON Schema writes as one more type."""
    if isinstance(node, list):
        return [_without_nullable(each) for each in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _without_nullable(each) for key, each in node.items() if key != "nullable"}
    if node.get("nullable") is True and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
    return plain


def _is_moment(value: object) -> bool:
    # Whole seconds and Z: what Neon writes, and stricter than RFC 3339.
    return not isinstance(value, str) or bool(datetime.strptime(value, "%Y-%m-%dT%H:%M:%S%z") and value[-1] == "Z")


@pytest.fixture(scope="session")
def document() -> Document:
    if not DOCUMENT.exists():
        pytest.skip(
            "Neon's OpenAPI document is not here; it comes from the npm package @neondatabase/api-client 2.7.3"
            f" and is looked for at {DOCUMENT.name} in ../shared/reference"
        )
    return Document(DOCUMENT.read_text())


@dataclass(frozen=True)
class Platform:
    """A platform's process that serves."""

    http_url: str
    key: str

    @property
    def port(self) -> int:
        return int(self.http_url.rpartition(":")[2])


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """A platform with a home of its own, on free ports."""
    # Not below pytest's folder: that is closed to others, and as root Postgres runs as one of them.
    home = Path(tempfile.mkdtemp(prefix="dormouse-contract-"))
    home.chmod(0o711)
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DORMOUSE_"))}
    settings = {"DORMOUSE_HOME": str(home), "DORMOUSE_PG_PORT": "0", "DORMOUSE_HTTP_PORT": "0"}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "dormouse.daemon"], env=ours | settings, stderr=log)
    try:
        promise = home / "run" / "platform.json"
        deadline = time.monotonic() + 60
        while not promise.exists():
            assert process.poll() is None and time.monotonic() < deadline, (home / "log").read_text()
            time.sleep(0.02)
        yield Platform(json.loads(promise.read_text())["http_url"], (home / "api-key").read_text().strip())
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def platform_wire(platform: Platform, document: Document) -> Wire:
    """Requests to the platform, whose every answer is checked against the document."""
    return Wire(platform.port, document, platform.key)


@pytest.fixture
def service() -> MemoryService:
    return MemoryService()


@pytest.fixture(scope="session")
def running() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def server(running: Server, service: MemoryService) -> Server:
    """The one server of the session, with an application of this test's own."""
    running.app = create_app(service, api_key=KEY)
    return running


@pytest.fixture
def wire(server: Server) -> Wire:
    """Bare requests, with nobody to judge the answers."""
    return Wire(server.port)


@pytest.fixture
def judged(server: Server, document: Document) -> Wire:
    """Requests whose every answer is checked against the document."""
    return Wire(server.port, document)


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server.url, KEY, timeout_s=10)
