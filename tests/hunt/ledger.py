"""What each user was told was saved, and whether what they are shown is older than that. Pure but for a lock.

Each record has one owner, who alone writes to it and does one thing at a time. Versions grow, and none is
given twice, also after a restore has taken some back.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock


class Verdict(Enum):
    RIGHT = "right"
    STALE = "older than what this user had been told was saved"
    BACKWARDS = "older than what this user had seen before"
    GHOST = "taken back by a restore, or never written"
    NOT_JUDGED = "while the branch was restored"


@dataclass(slots=True)
class Record:
    """One owner's entry."""

    issued: int = 0
    """The last version that was given out."""
    saved: int = 0
    """The last one that the owner was told was saved."""
    pending: set[int] = field(default_factory=set)
    """Sent since, and never answered: these may be there, or come yet."""


@dataclass(slots=True)
class Ledger:
    """All records, and what everybody has seen. Threads may share it."""

    records: dict[str, Record] = field(default_factory=dict)
    seen: dict[tuple[str, str], int] = field(default_factory=dict)
    """(user, owner) → the newest version of the owner's entry that the user was shown."""
    era: int = 0
    """Counted up when a restore begins, and when it has ended: reads across that are not judged."""
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """A line for each wrong read."""
    lock: Lock = field(default_factory=Lock)

    @property
    def is_being_restored(self) -> bool:
        """Whether this is between two lives of the branch."""
        return self.era % 2 == 1

    def issue(self, owner: str) -> int:
        """The version that the owner is about to write."""
        with self.lock:
            record = self.records.setdefault(owner, Record())
            record.issued += 1
            record.pending.add(record.issued)
            return record.issued

    def told_saved(self, owner: str, version: int) -> None:
        """The owner got the answer that it is saved."""
        with self.lock:
            record = self.records.setdefault(owner, Record())
            record.saved = version
            record.pending = {each for each in record.pending if each > version}

    def told_refused(self, owner: str, version: int) -> None:
        """The owner got the answer that it is not saved."""
        with self.lock:
            self.records[owner].pending.discard(version)

    def has_pending(self, owner: str) -> bool:
        """Whether something was sent that was never answered."""
        with self.lock:
            return bool(self.records.setdefault(owner, Record()).pending)

    def owners(self) -> list[str]:
        """Of all records, sorted."""
        with self.lock:
            return sorted(self.records)

    def saved(self, owner: str) -> int:
        """What the owner was told last."""
        with self.lock:
            return self.records.setdefault(owner, Record()).saved

    def judge(self, user: str, owner: str, shown: int, era: int, how: str) -> Verdict:
        """Of a read that began in `era` and has just ended."""
        with self.lock:
            verdict = self._judge(user, owner, shown, era)
            self.verdicts[verdict] += 1
            if verdict not in (Verdict.RIGHT, Verdict.NOT_JUDGED):
                record = self.records[owner]
                self.wrong.append(
                    f"{how}: {user} was shown version {shown} of {owner}, {verdict.value} "
                    f"(saved {record.saved}, seen {self.seen.get((user, owner), 0)})"
                )
            elif verdict is Verdict.RIGHT:
                self.seen[user, owner] = shown
            return verdict

    def _judge(self, user: str, owner: str, shown: int, era: int) -> Verdict:
        if era != self.era or self.is_being_restored:
            return Verdict.NOT_JUDGED
        record = self.records.setdefault(owner, Record())
        if user == owner:
            if shown < record.saved:
                return Verdict.STALE
            if shown != record.saved and shown not in record.pending:
                return Verdict.GHOST
        if shown < self.seen.get((user, owner), 0):
            return Verdict.BACKWARDS
        return Verdict.RIGHT

    def mark(self) -> dict[str, int]:
        """What is saved now. Nobody may be writing."""
        with self.lock:
            return {owner: record.saved for owner, record in self.records.items()}

    def begin_restore(self) -> None:
        """From here on nothing is judged."""
        with self.lock:
            self.era += 1

    def end_restore(self, mark: dict[str, int]) -> None:
        """All is as it was at `mark`."""
        with self.lock:
            for owner, record in self.records.items():
                record.saved = mark.get(owner, 0)
                record.pending.clear()
            self.seen.clear()
            self.era += 1
