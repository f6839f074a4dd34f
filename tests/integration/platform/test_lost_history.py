"""What is lost from the past on disk, or cannot be written: a clear error, nothing half there, no wrong rows."""

import psycopg
import pytest
from fix_platform import Platform, rows

from dormouse.api.bodies import EndpointCreate
from fix_past import branched_without_compute, until_at_rest


def test_a_branch_whose_first_start_was_cut_off_starts_anew(platform: Platform) -> None:
    """Postgres itself would refuse for ever, since it has put the backup's label aside already."""
    made = platform.create()
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    branch = branched_without_compute(platform, made)
    until_at_rest(platform, made)
    (data,) = platform.home.glob(f"projects/{made.project}/branches/{branch}/*/data")
    (segment,) = data.glob("pg_wal/0*")
    segment.rename(data.parent / "aside")
    # As if it had been killed in the middle: up to the checkpoint it begins with.
    beginning = (data.parent / "aside").read_bytes()[:0xD8]
    segment.write_bytes(beginning.ljust(1 << 20, b"\0"))
    segment.chmod(0o666)
    wanted = EndpointCreate(branch_id=branch, type="read_write")
    endpoint = platform.client.create_endpoint(made.project, wanted).endpoint
    url = made.url.replace(made.primary, endpoint.id)
    with pytest.raises(psycopg.OperationalError, match="ended at start"):
        rows(url)
    assert (data / "backup_label.old").exists()

    (data.parent / "aside").rename(segment)

    assert rows(url, "SELECT i FROM t") == [(1,)]
    assert not (data / "backup_label.old").exists()
