"""kill -9 of the platform at random moments of whatever goes back in time: afterwards all is whole, or was not."""

import time
from collections.abc import Callable
from random import Random

import pytest
from fix_past import Diary, diary_of, is_swept, until_at_rest
from fix_platform import Platform, wait_until

from dormouse.api.bodies import BranchCreate, BranchRestore
from dormouse.api.client import Client
from dormouse.api.errors import Refused
from dormouse.api.records import Branch
from dormouse.names import BranchId, EndpointId

ROWS = 12


class Story:
    """A project, what is done to it, and what must hold of it then."""

    def __init__(self, platform: Platform, chance: Random) -> None:
        self.platform = platform
        self.chance = chance
        self.diary = Diary(platform.create())
        self.diary.write(ROWS)
        self.made = self.diary.made
        self.promised: dict[str, int] = {}
        """How many rows a branch of that name has, once it is there."""
        self.names = (f"b{number}" for number in range(10_000))

    @property
    def client(self) -> Client:
        return self.platform.client

    def branch_of_now(self) -> None:
        self.create(BranchCreate(name=next(self.names)), ROWS)

    def branch_of_then(self) -> None:
        count = self.chance.randrange(1, ROWS)
        time_then = self.diary.marks[count - 1].time_after
        self.create(BranchCreate(name=next(self.names), parent_timestamp=time_then), count)

    def create(self, wanted: BranchCreate, count: int) -> None:
        assert wanted.name is not None
        # Before it is asked for: the answer may not arrive.
        self.promised[wanted.name] = count
        self.client.create_branch(self.made.project, wanted)

    def restore(self) -> None:
        """Of a branch, to the parent's head: it is what it was, or has all rows."""
        if branch := self.some_branch():
            self.promised.pop(branch.name, None)
            self.client.restore_branch(
                self.made.project, BranchId(branch.id), BranchRestore(source_branch_id=self.made.branch)
            )

    def undo(self) -> None:
        if branch := self.some_branch():
            self.promised.pop(branch.name, None)
            self.client.undo_branch(self.made.project, BranchId(branch.id))

    def delete(self) -> None:
        if branch := self.some_branch():
            self.promised.pop(branch.name, None)
            self.client.delete_branch(self.made.project, BranchId(branch.id), hard=self.chance.random() < 0.5)

    def snapshot(self) -> None:
        self.client.create_snapshot(self.made.project, self.made.branch)

    def some_branch(self) -> Branch | None:
        there = [each for each in self.client.branches(self.made.project).branches if not each.default]
        return self.chance.choice(there) if there else None

    def url_of(self, branch: BranchId) -> str:
        """After each start the platform listens on another port."""
        (endpoint,) = self.client.branch_endpoints(self.made.project, branch)
        return self.client.connection_uri(
            self.made.project, database="neondb", role="neondb_owner", endpoint=EndpointId(endpoint.id)
        )

    def check(self) -> None:
        """Every branch can be entered, and has a beginning of the diary: the one that it was promised."""
        until_at_rest(self.platform, self.made)
        wait_until(lambda: is_swept(self.platform), "nothing is half built")
        there = self.client.branches(self.made.project).branches
        for branch in there:
            found = diary_of(self.url_of(BranchId(branch.id)))
            assert found == list(range(len(found))), branch.name
            assert len(found) == self.promised.get(branch.name, len(found)), branch.name
        assert len(diary_of(self.url_of(self.made.branch))) == ROWS
        kept = {each.branch_id for each in self.client.kept_states(self.made.project)}
        folders = {path.name for path in self.platform.home.glob(f"projects/{self.made.project}/branches/*")}
        assert folders == {each.id for each in there} | kept


@pytest.mark.timeout(1800)
def test_kills_at_random_moments(own_platform: Platform, request: pytest.FixtureRequest) -> None:
    seconds, seed = float(request.config.getoption("--soak")), request.config.getoption("--seed")
    if seconds < 60:
        pytest.skip("a minute of kills: make soak")
    chance = Random(f"kills {seed}")
    story = Story(own_platform, chance)
    actions: list[Callable[[], None]] = [
        *[story.branch_of_now] * 2,
        *[story.branch_of_then] * 3,
        *[story.restore] * 3,
        story.undo,
        *[story.delete] * 2,
        story.snapshot,
    ]
    kills, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        for action in chance.sample(actions, chance.randrange(1, 4)):
            try:
                action()
            except Refused:
                continue  # nothing is kept, or it has children
        time.sleep(chance.random() ** 2)
        own_platform.kill()
        own_platform.up()
        kills += 1
        story.check()
    print(f"seed {seed}: {kills} kills, {len(story.promised)} branches as promised")
