"""Which compute a CancelRequest is for.

Clients get a key of ours. Its pid is the one that the compute gave, so that a driver's "backend pid" is the one in
`pg_stat_activity`; its secret is ours. So what a client knows opens nothing but this proxy, and the length of our
secret is our choice: 4 bytes under protocol 3.0, up to 256 under 3.2.
"""

from dataclasses import dataclass

from dormouse.wire.messages import BackendKeyData

__all__ = ["CancelTarget", "Registry"]


@dataclass(frozen=True, slots=True)
class CancelTarget:
    """Where a CancelRequest goes, and with which key."""

    socket_path: str
    key: BackendKeyData


class Registry:
    """The keys of the sessions that are relayed now."""

    def __init__(self) -> None:
        self._targets: dict[BackendKeyData, CancelTarget] = {}

    def __len__(self) -> int:
        return len(self._targets)

    def add(self, key: BackendKeyData, target: CancelTarget) -> None:
        """Let `key` cancel at `target`."""
        self._targets[key] = target

    def remove(self, key: BackendKeyData) -> None:
        """Forget `key`; nothing happens if it is not known."""
        self._targets.pop(key, None)

    def find(self, key: BackendKeyData) -> CancelTarget | None:
        """Where `key` leads, if anywhere."""
        return self._targets.get(key)
