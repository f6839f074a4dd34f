import dataclasses
from datetime import UTC, datetime

import pytest

from dormouse.api import bodies, records
from dormouse.names import BranchId

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("module", [records, bodies])
def test_every_record_is_frozen_and_promised(module: object) -> None:
    ours = {
        name
        for name, value in vars(module).items()
        if dataclasses.is_dataclass(value) and value.__module__ == module.__name__  # type: ignore[attr-defined]
    }

    assert ours == set(module.__all__)  # type: ignore[attr-defined]
    for name in ours:
        assert getattr(module, name).__dataclass_params__.frozen


def test_records_hide_their_secrets() -> None:
    role = records.Role(branch_id=BranchId("br"), name="anna", password="secret", created_at=NOW, updated_at=NOW)
    parameters = records.ConnectionParameters(
        database="d", password="secret", role="anna", host="h", pooler_host="p"
    )
    details = records.ConnectionDetails(
        connection_uri="postgresql://a:secret@h/d", connection_parameters=parameters
    )

    shown = repr([role, details, bodies.ConnectionUri(uri="a:secret@h"), bodies.RolePassword(password="secret")])
    assert "secret" not in shown
