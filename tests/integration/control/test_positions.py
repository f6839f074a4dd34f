"""Moments, and the positions that they mean."""

from pathlib import Path

import pytest
from fix_world import world_in

from dormouse.compute.wal import parse_lsn
from dormouse.control.model import ProjectCreated
from dormouse.control.past import LedgerEntry
from dormouse.control.points import AtTime

# A kill closes no connection, and each one that was open says so when it is collected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


async def test_a_moment_is_found_although_the_segment_before_ended_early(home: Path, made: ProjectCreated) -> None:
    """As each branching of a running parent, and each sleep, has it end: what is behind the switch is empty."""
    async with world_in(home) as world:
        endpoint, branch = made.endpoint.id, world.catalog.branches[made.branch.id]
        await world.ask(endpoint, "SELECT pg_switch_wal()")
        await world.ask(endpoint, "SELECT pg_logical_emit_message(false, '', 'short'), pg_switch_wal()")
        await world.ask(endpoint, "CREATE TABLE filler AS SELECT g FROM generate_series(1, 2000) AS g")
        ((lsn, at),) = await world.ask(endpoint, "SELECT pg_current_wal_flush_lsn()::text, clock_timestamp()")
        await world.catalog.put(LedgerEntry(incarnation=branch.incarnation, lsn=parse_lsn(lsn), at=at))
        await world.ask(endpoint, "CREATE TABLE wanted AS SELECT 1")
        ((then, moment),) = await world.ask(endpoint, "SELECT pg_current_wal_flush_lsn()::text, clock_timestamp()")
        await world.ask(endpoint, "CREATE TABLE unwanted AS SELECT 1")

        found = await world.service._shop.rewinder.resolve(branch, AtTime(moment))

        assert found is not None
        assert parse_lsn(lsn) < found <= parse_lsn(then)
