from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dormouse.cli.shell import psql_command
from dormouse.storage.layout import Layout
from dormouse.uri import ConnectionParameters


@pytest.fixture
def psql(tmp_path: Path) -> Path:
    path = tmp_path / "100% bin" / "psql"
    path.parent.mkdir()
    path.touch(0o755)
    return path


def test_psql_gets_the_password_in_its_environment_alone(psql: Path, tmp_path: Path) -> None:
    parameters = ConnectionParameters(role="anna", password="secret", host="ep-a.test", database="shop", port=1)
    environ = {"PATH": str(psql.parent), "PGHOSTADDR": "10.0.0.1", "PGSSLMODE": "disable", "EDITOR": "vi"}
    chosen = cast("Any", SimpleNamespace(parameters=parameters))

    command, environment = psql_command(Layout(tmp_path), cast("Any", None), chosen, environ)

    assert command == [str(psql)]
    assert environment == {"PATH": str(psql.parent), "EDITOR": "vi", **parameters.pg_variables()}
