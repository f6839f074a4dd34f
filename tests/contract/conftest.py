"""The API on a port, as users meet it, and Neon's document to judge it by.

It is served by a real platform with a real Postgres; and, for what cannot be made to happen there, over a control
plane in memory.
"""

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
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import uvicorn
from fix_memory_plane import MemoryLocal, MemoryPlane

from dormouse.api.client import Client
from dormouse.web.app import create_app

KEY = "napi_a_key_for_tests"
ROOT = Path(__file__).parents[2]
# Beside the project, or where `make conformance` puts it.
DOCUMENTS = (
    ROOT.parent / "shared" / "reference" / "neon-openapi.json",
    ROOT / ".conformance" / "neon-openapi.json",
)


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
            self.document.check(*known_as(method, path.partition("?")[0]), answer)
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


def known_as(method: str, path: str) -> tuple[str, str]:
    """What neon-api asks for under other names, as the document has it."""
    if method == "POST" and path.endswith("/reveal_password"):
        return "GET", path
    if method == "DELETE" and path.endswith("/permissions"):
        return method, path + "/named"
    return method, path.replace("/set_as_primary", "/set_as_default")


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
    there = [path for path in DOCUMENTS if path.exists()]
    if not there:
        pytest.skip(
            "Neon's OpenAPI document is not here; make conformance takes it from the npm package"
            " @neondatabase/api-client 2.7.3"
        )
    return Document(there[0].read_text())


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
def plane() -> MemoryPlane:
    return MemoryPlane()


@pytest.fixture(scope="session")
def running() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def server(running: Server, plane: MemoryPlane) -> Server:
    """The one server of the session, with an application of this test's own."""
    running.app = create_app(plane, api_key=KEY, local=MemoryLocal(plane))
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
