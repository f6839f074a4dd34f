"""The console in this process: a visitor with a cookie and forms, over the control plane of `fix_memory_plane`."""

import asyncio
import html
import json
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from fix_memory_plane import MemoryLocal, MemoryPlane

from dormouse.web.about import About
from dormouse.web.app import create_app

KEY = "napi_a_key_for_tests"
HOST = "localhost:55433"


@dataclass(frozen=True)
class Answer:
    """What came back; of headers with one name the last."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def said(self) -> str:
        """What the page shows, without its marks."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.text)).split())


@dataclass
class Visitor:
    """Somebody with a browser of the simplest kind: it keeps cookies, follows nothing, and runs no script."""

    plane: MemoryPlane = field(default_factory=MemoryPlane)
    now: float = 1000.0
    bind: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.app = create_app(
            self.plane,
            api_key=KEY,
            local=MemoryLocal(self.plane),
            bind=self.bind,
            about=About(ca_path="/home/tls/ca.pem", bind=self.bind),
            clock=lambda: self.now,
        )
        self.cookies: dict[str, str] = {}

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        cookies: bool = True,
    ) -> Answer:
        """One request, with `headers` over the usual ones; an empty one is left out."""
        given = {"host": HOST}
        if cookies and self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given |= headers or {}
        answer = asyncio.run(self._call(method, path, body, {key: value for key, value in given.items() if value}))
        if cookies and "set-cookie" in answer.headers:
            name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer

    def get(self, path: str, **more: object) -> Answer:
        return self.request("GET", path, **more)  # type: ignore[arg-type]

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> Answer:
        """A form as this session's pages have it: with its token, unless another one is given."""
        fields.setdefault("csrf", self.csrf())
        return self.request("POST", path, urlencode(fields).encode(), headers=headers)

    def link(self) -> str:
        """A one-time link, as `dormouse open` gets it."""
        answer = self.request("POST", "/_local/console_links", headers={"authorization": f"Bearer {KEY}"})
        assert answer.status == 201, answer
        path: str = json.loads(answer.text)["path"]
        return path

    def enter(self) -> "Visitor":
        assert self.get(self.link()).status == 200
        return self

    def csrf(self) -> str:
        """The token of this session's forms."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/projects/new").text)
        return found[1] if found else ""

    def create_project(self, **fields: str) -> str:
        """The path of a new project."""
        answer = self.post("/projects", **fields)
        assert answer.status == 303, answer.said
        return answer.headers["location"]

    async def _call(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        began: dict[str, object] = {}
        content = bytearray()

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                began.update(message)
            else:
                content.extend(message.get("body", b""))  # type: ignore[arg-type]

        target, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": target,
            "raw_path": target.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
            "scheme": "http",
            "server": ("127.0.0.1", 55433),
            "root_path": "",
        }
        await self.app(scope, receive, send)
        answered = {name.decode(): value.decode() for name, value in began["headers"]}  # type: ignore[attr-defined]
        return Answer(int(str(began["status"])), answered, content.decode())


@pytest.fixture
def stranger() -> Visitor:
    """Somebody whom nobody let in."""
    return Visitor()


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who came by a link."""
    return Visitor().enter()
