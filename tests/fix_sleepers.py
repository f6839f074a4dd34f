"""A catalog with a thousand sleeping branches that are records alone, without data directories."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from dormouse import names
from dormouse.control import model
from dormouse.control.catalog import Catalog
from dormouse.control.changes import Record
from dormouse.names import ProjectId

PROJECTS, BRANCHES = 200, 1000


async def crowd(path: Path, chance: Random) -> ProjectId:
    """Write the records; the project that has all branches but one for each of the others."""
    catalog = Catalog.open(path)
    first, *others = [project_of(chance) for _ in range(PROJECTS)]
    records: list[Record] = [first, *others]
    for number in range(BRANCHES):
        records += branch_records(first, chance, f"branch {number}", default=number == 0)
    for other in others:
        records += branch_records(other, chance, "main", default=True)
    await catalog.put(*records)
    await catalog.close()
    return first.id


def project_of(chance: Random) -> model.Project:
    project = names.new_project_id(chance)
    at = datetime.now(UTC) - timedelta(seconds=chance.randrange(10_000))
    return model.Project(
        id=project,
        name=project,
        pg_version=17,
        region_id="aws-us-east-2",
        store_passwords=True,
        history_retention_seconds=86400,
        default_endpoint_settings=model.EndpointDefaults(),
        created_at=at,
        updated_at=at,
    )


def branch_records(project: model.Project, chance: Random, name: str, *, default: bool) -> Iterator[Record]:
    """A branch with its compute asleep, a role and a database."""
    at = project.created_at
    branch = model.Branch(
        id=names.new_branch_id(chance),
        project_id=project.id,
        name=name,
        incarnation=names.new_incarnation(chance),
        state=model.BranchState.READY,
        default=default,
        protected=False,
        created_at=at,
        updated_at=at,
    )
    yield branch
    yield model.Endpoint(
        id=names.new_endpoint_id(chance),
        project_id=project.id,
        branch_id=branch.id,
        type=model.EndpointType.READ_WRITE,
        name="",
        autoscaling_limit_min_cu=0.25,
        autoscaling_limit_max_cu=0.25,
        suspend_timeout_seconds=0,
        disabled=False,
        created_at=at,
        updated_at=at,
        current_state=model.EndpointState.IDLE,
    )
    password = names.new_password(chance)
    yield model.Role(
        branch_id=branch.id, name="neondb_owner", password=password, protected=False, created_at=at, updated_at=at
    )
    yield model.Database(
        id=chance.getrandbits(48),
        branch_id=branch.id,
        name="neondb",
        owner_name="neondb_owner",
        created_at=at,
        updated_at=at,
    )
