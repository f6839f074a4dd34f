"""Where everything lies below the home. Pure paths; nothing here touches a disk.

    HOME/
    ├── api-key                       0600
    ├── catalog.sqlite                the records (SQLite in WAL mode)
    ├── run/                          lock, platform.json, dormouse.log: about the process that runs now
    ├── tls/                          the local authority and the proxy's certificate
    ├── postgres/<version>/           a copy of the bundled Postgres, where its own user could not enter it
    ├── templates/<key>/              one finished data directory for each Postgres
    ├── spares/<key>/<id>/            synced copies of it that wait to be renamed into a project
    ├── building/                     whatever is not finished; swept at every start
    └── projects/<project>/
        ├── snapshots/<snapshot>/     as an incarnation; never started
        └── branches/<branch>/<incarnation>/
            ├── data/                     the primary's data directory
            ├── wal/                      the archive of this incarnation: finished segments, hard links
            ├── bases/<LSN>/              data directories to start the past from, named by 16 hex digits
            └── replicas/<endpoint>/data/ a streaming standby

An incarnation is new at every creation, reset and restore, because timeline ids repeat after a reset and
copies of one template share their system identifier: the archive of one must never meet that of another.
"""

from dataclasses import dataclass
from pathlib import Path

from dormouse.names import BranchId, EndpointId, Incarnation, ProjectId

__all__ = ["BranchFolder", "Layout"]


@dataclass(frozen=True, slots=True)
class BranchFolder:
    """One incarnation of a branch."""

    root: Path

    @property
    def data(self) -> Path:
        """The primary's data directory."""
        return self.root / "data"

    @property
    def wal(self) -> Path:
        """The archive."""
        return self.root / "wal"

    @property
    def bases(self) -> Path:
        """Data directories to start the past from."""
        return self.root / "bases"

    @property
    def replicas(self) -> Path:
        """One folder for each read replica."""
        return self.root / "replicas"

    def replica_data(self, endpoint: EndpointId) -> Path:
        """The data directory of a standby."""
        return self.replicas / endpoint / "data"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one home."""

    home: Path

    @property
    def api_key(self) -> Path:
        """The key that the API wants, one line."""
        return self.home / "api-key"

    @property
    def catalog(self) -> Path:
        """The records."""
        return self.home / "catalog.sqlite"

    @property
    def run(self) -> Path:
        """About the process that runs now."""
        return self.home / "run"

    @property
    def lock(self) -> Path:
        """Locked with `flock` while a platform runs; the file itself stays."""
        return self.run / "lock"

    @property
    def platform_json(self) -> Path:
        """There while the platform serves: where it listens."""
        return self.run / "platform.json"

    @property
    def log(self) -> Path:
        """What a detached platform writes."""
        return self.run / "dormouse.log"

    @property
    def tls(self) -> Path:
        """The authority and the certificate."""
        return self.home / "tls"

    @property
    def postgres(self) -> Path:
        """Copies of Postgres itself."""
        return self.home / "postgres"

    @property
    def templates(self) -> Path:
        """Finished data directories to copy."""
        return self.home / "templates"

    @property
    def spares(self) -> Path:
        """Copies that wait."""
        return self.home / "spares"

    @property
    def building(self) -> Path:
        """Not finished; swept at every start."""
        return self.home / "building"

    @property
    def projects(self) -> Path:
        """All projects."""
        return self.home / "projects"

    def project(self, project: ProjectId) -> Path:
        """One project."""
        return self.projects / project

    def snapshot(self, project: ProjectId, snapshot: str) -> BranchFolder:
        """The data of a snapshot, which is kept like a branch's and never started."""
        return BranchFolder(self.project(project) / "snapshots" / snapshot)

    def branch(self, project: ProjectId, branch: BranchId, incarnation: Incarnation) -> BranchFolder:
        """One life of one branch."""
        return BranchFolder(self.project(project) / "branches" / branch / incarnation)
