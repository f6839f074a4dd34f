"""Those who use the site: browsers with cookies, programs with a header, each doing one thing at a time."""

import http.client
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from random import Random
from urllib.parse import urlencode

from hunt.gate import Gate
from hunt.ledger import Ledger, Verdict
from hunt.notes import Board, notes_on
from hunt.plan import LONGEST_LAG_S

POSITION_HEADER = "Dormouse-Position"

_COOKIE = re.compile(r"([^=;]+)=([^;]*)(.*)", re.DOTALL)
_VERSION = re.compile(r"version (\d+)")
_CHANGED = re.compile(r'"version": (\d+)')


class Failed(Exception):
    """The site did not answer as a site that works does."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str


class Web:
    """The servers of the site. Each thread keeps a connection to each."""

    def __init__(self, ports: tuple[int, ...]) -> None:
        self.ports = ports
        self.failures: list[str] = []
        self.took_s: list[float] = []
        self._kept = threading.local()

    def send(self, port: int, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        """The answer. Raises Failed, and keeps count of that."""
        began = time.monotonic()
        connection = self._connection(port)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._failed(f"{method} {path}: {type(error).__name__}: {error}") from error
        finally:
            self.took_s.append(time.monotonic() - began)
        if answer.status >= 500:
            raise self._failed(f"{method} {path}: {answer.status}")
        return Answer(answer.status, answer.headers, text)

    def close(self) -> None:
        """The connections of this thread."""
        for connection in vars(self._kept).values():
            connection.close()

    def _failed(self, what: str) -> Failed:
        self.failures.append(what)
        return Failed(what)

    def _connection(self, port: int) -> http.client.HTTPConnection:
        kept = vars(self._kept)
        if str(port) not in kept:
            kept[str(port)] = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        found: http.client.HTTPConnection = kept[str(port)]
        return found


@dataclass(slots=True, kw_only=True)
class World:
    """What all users share."""

    web: Web
    ledger: Ledger
    board: Board
    gate: Gate
    tasks: int = 0
    """How many were accepted."""
    notices: Counter[str] = field(default_factory=Counter)
    """Reads, of one query each, by those who did not just write: from where, as the site says, and how many."""
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True, kw_only=True)
class User:
    """Somebody with cookies and, for programs, the last position that the site told."""

    name: str
    world: World
    chance: Random
    cookies: dict[str, str] = field(default_factory=dict)
    position: str | None = None
    has_header: bool = False

    def visit(self) -> None:
        """Write, or look only: some of the time, and whenever nobody may write."""
        if self.chance.random() < 0.4:
            self.look_only()
            return
        with self.world.gate.writing() as may_write:
            if may_write:
                self.write()
        if not may_write:
            self.look_only()

    def write(self) -> None:
        """What this kind of user writes, and looks at then."""
        raise NotImplementedError

    def look_only(self) -> None:
        """What this kind of user looks at."""
        raise NotImplementedError

    def ask(self, method: str, path: str, fields: Mapping[str, object] | None = None) -> Answer:
        """By a server of chance: what a user was told holds at each of them."""
        headers = {}
        body = None
        if self.has_header:
            if self.position:
                headers[POSITION_HEADER] = self.position
            if fields is not None and method == "PUT":
                body = json.dumps(fields)
        elif self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if fields is not None and body is None:
            token = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", "")}
            body = urlencode(token | fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self.world.web.send(self.chance.choice(self.world.web.ports), method, path, body, headers)
        self._remember(answer)
        return answer

    def _remember(self, answer: Answer) -> None:
        if self.has_header:
            self.position = answer.headers.get(POSITION_HEADER) or self.position
            return
        for line in answer.headers.get_all("Set-Cookie", ()):
            found = _COOKIE.match(line)
            assert found is not None, line
            if "Max-Age=0" in found[3]:
                self.cookies.pop(found[1], None)
            else:
                self.cookies[found[1]] = found[2]

    def expect(self, answer: Answer, *statuses: int) -> None:
        """Raises Failed for any other status."""
        if answer.status not in statuses:
            raise self.world.web._failed(f"{self.name}: {answer.status}, not {statuses}: {answer.body[:200]}")

    def look(self, path: str, owner: str, pattern: re.Pattern[str], how: str) -> int:
        """Read an entry, and have it judged."""
        era = self.world.ledger.era
        answer = self.ask("GET", path)
        self.expect(answer, 200)
        found = pattern.search(answer.body)
        assert found is not None, answer.body
        self.world.ledger.judge(self.name, owner, int(found[1]), era, how)
        return int(found[1])

    def found_wrong(self, what: str, verdict: Verdict = Verdict.STALE) -> None:
        """Of reads that the ledger does not know."""
        with self.world.ledger.lock:
            self.world.ledger.verdicts[verdict] += 1
            self.world.ledger.wrong.append(f"{self.name}: {what}")

    def found_right(self) -> None:
        """The same."""
        with self.world.ledger.lock:
            self.world.ledger.verdicts[Verdict.RIGHT] += 1


class Person(User):
    """Changes an entry by a form that refuses whoever has seen an old version, and looks at the page after."""

    @property
    def page(self) -> str:
        return f"/entries/{self.name}/"

    def look_only(self) -> None:
        self.look(self.page, self.name, _VERSION, "page, later")

    def write(self) -> None:
        ledger = self.world.ledger
        if "csrftoken" not in self.cookies or ledger.has_pending(self.name):
            ledger.told_saved(self.name, self.look(self.page, self.name, _VERSION, "page, later"))
        was, version = ledger.saved(self.name), ledger.issue(self.name)
        answer = self.ask("POST", self.page, {"was": was, "version": version})
        if answer.status == 409:
            ledger.told_refused(self.name, version)
            self.found_wrong(f"form: {was} was taken for old")
            return
        self.expect(answer, 302)
        ledger.told_saved(self.name, version)
        self.look(self.page, self.name, _VERSION, "page, at once")


class Program(User):
    """Changes an entry by an API, without cookies."""

    def look_only(self) -> None:
        path = self._path()
        self.look(path, self.name, _CHANGED, f"{path.split('/')[1]}, later")

    def write(self) -> None:
        path = self._path()
        version = self.world.ledger.issue(self.name)
        self.expect(self.ask("PUT", path, {"version": version}), 200)
        self.world.ledger.told_saved(self.name, version)
        self.look(path, self.name, _CHANGED, f"{path.split('/')[1]}, at once")

    def _path(self) -> str:
        return f"/{self.chance.choice(('api', 'async'))}/entries/{self.name}/"


class Client(User):
    """Leaves something to a task, which is to see what was saved before it."""

    def look_only(self) -> None:
        self.look(f"/api/entries/{self.name}/", self.name, _CHANGED, "after a task, later")

    def write(self) -> None:
        version = self.world.ledger.issue(self.name)
        self.expect(self.ask("POST", f"/tasks/{self.name}/", {"version": version}), 200)
        self.world.ledger.told_saved(self.name, version)
        with self.world.lock:
            self.world.tasks += 1
        self.look(f"/api/entries/{self.name}/", self.name, _CHANGED, "after a task, at once")


class Writer(User):
    """Writes a note on the example site's own pages, and takes it away again."""

    def look_only(self) -> None:
        self.expect(self.ask("GET", "/"), 200)

    def write(self) -> None:
        if "csrftoken" not in self.cookies:
            self.ask("GET", "/create/")
        title = f"{self.name} {self.chance.randrange(10**9)}"
        self.world.board.begin(title)
        self.expect(self.ask("POST", "/create/", {"title": title, "content": "Hazel."}), 302)
        self.world.board.told_saved(title)
        shown = notes_on(self.ask("GET", "/").body)
        self._judge(stale=self.world.board.is_stale(title, set(shown)), what=f"list without {title}")
        if title not in shown:
            return
        self.expect(self.ask("POST", f"/delete/{shown[title]}/", {}), 302)
        shown = notes_on(self.ask("GET", "/").body)
        self._judge(stale=title in shown, what=f"list with {title}, which was deleted")

    def _judge(self, *, stale: bool, what: str) -> None:
        if stale:
            self.found_wrong(what)
        else:
            self.found_right()


class Editor(Writer):
    """Logs in to the admin, adds a note there, finds it, logs out."""

    def look_only(self) -> None:
        self.expect(self.ask("GET", "/admin/login/"), 200)

    def write(self) -> None:
        self.look_only()
        login = {"username": self.name, "password": "hazel", "next": "/admin/"}
        self.expect(self.ask("POST", "/admin/login/", login), 302)
        self._judge(stale=self.ask("GET", "/admin/").status != 200, what="login lost")
        title = f"{self.name} {self.chance.randrange(10**9)}"
        added = self.ask("POST", "/admin/notes/note/add/", {"title": title, "content": "Hazel."})
        if added.status == 302 and "login" not in added.headers["Location"]:
            found = self.ask("GET", f"/admin/notes/note/?{urlencode({'q': title})}")
            self._judge(stale=f">{title}</a>" not in found.body, what=f"admin list without {title}")
        self.ask("POST", "/admin/logout/", {})
        self._judge(stale=self.ask("GET", "/admin/").status == 200, what="logout lost")


@dataclass(slots=True, kw_only=True)
class Onlooker(Person):
    """Looks at notices and at other people's entries. Every second one has written something once, long ago."""

    wrote_at: float | None = None

    def visit(self) -> None:
        if self.wrote_at is None:
            self.wrote_at = -inf
            if self.chance.random() < 0.5:
                self.wrote_at = time.monotonic()
                Person.visit(self)
        if time.monotonic() - self.wrote_at < LONGEST_LAG_S + 1:
            self.look_only()
            return
        for _ in range(5):
            if self.world.ledger.is_being_restored:
                # There are no replicas now that could be read from.
                break
            answer = self.ask("GET", "/notices/")
            self.expect(answer, 200)
            told = json.loads(answer.body)
            where = f"{told['from']}: {told['why']}" if told["from"] == "default" else told["from"]
            with self.world.lock:
                self.world.notices[where] += 1
        owner = self.chance.choice(self.world.ledger.owners() or [self.name])
        self.look(f"/entries/{owner}/", owner, _VERSION, "somebody else's page")
