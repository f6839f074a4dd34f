import hashlib
import json
import stat
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from dotenv import dotenv_values

from dormouse.cli.connections import Chosen
from dormouse.cli.demo_site import prepare_site
from dormouse.storage.layout import Layout
from dormouse.uri import ConnectionParameters

EXAMPLE = Path(__file__).parents[3] / "examples" / "site"
PRIMARY = ConnectionParameters(
    role="anna", password="a 'b' $c #d", host="ep-w.test", database="my shop", port=55432
)
CHOSEN = Chosen(
    project=cast("Any", SimpleNamespace(name="demo")),
    branch=cast("Any", None),
    endpoint=cast("Any", None),
    parameters=PRIMARY,
    direct=PRIMARY,
    replicas=(replace(PRIMARY, host="ep-r1.test"), replace(PRIMARY, host="ep-r2.test")),
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "100% o'clock ☃")


@pytest.fixture
def site(layout: Layout) -> Path:
    return prepare_site(layout, CHOSEN)


def test_the_site_is_copied_whole(site: Path) -> None:
    expected = {
        path.relative_to(EXAMPLE)
        for path in EXAMPLE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != ".env"
    }

    found = {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    assert found == expected | {Path(".env"), Path(".copied.json")}
    assert all((site / path).read_bytes() == (EXAMPLE / path).read_bytes() for path in expected)


def test_a_file_that_the_user_changed_stays(site: Path, layout: Layout) -> None:
    (site / "manage.py").write_text("mine")

    for _ in range(2):
        prepare_site(layout, CHOSEN)

    assert (site / "manage.py").read_text() == "mine"


def test_a_file_of_an_older_version_that_nobody_changed_is_brought_up_to_date(site: Path, layout: Layout) -> None:
    (site / "manage.py").write_text("older")
    copied = json.loads((site / ".copied.json").read_text())
    copied["manage.py"] = hashlib.sha256(b"older").hexdigest()
    (site / ".copied.json").write_text(json.dumps(copied))

    prepare_site(layout, CHOSEN)

    assert (site / "manage.py").read_bytes() == (EXAMPLE / "manage.py").read_bytes()


def test_a_file_that_is_gone_comes_back(site: Path, layout: Layout) -> None:
    (site / "manage.py").unlink()

    prepare_site(layout, CHOSEN)

    assert (site / "manage.py").exists()


@pytest.mark.parametrize("content", ["", "{", "\0"])
def test_without_a_readable_list_of_copies_every_file_is_the_users(
    content: str, site: Path, layout: Layout
) -> None:
    (site / "manage.py").write_text("mine")
    (site / ".copied.json").write_text(content)

    prepare_site(layout, CHOSEN)

    assert (site / "manage.py").read_text() == "mine"


def test_the_site_is_told_where_its_data_is(site: Path) -> None:
    found = dotenv_values(site / ".env")

    assert found["DATABASE_URL"] == PRIMARY.url()
    assert found["DATABASE_REPLICA_URL"] == " ".join(replica.url() for replica in CHOSEN.replicas)
    assert len(found["SECRET_KEY"] or "") > 50
    assert stat.S_IMODE((site / ".env").stat().st_mode) == 0o600


def test_every_other_line_of_the_users_env_stays(site: Path, layout: Layout) -> None:
    (site / ".env").write_text(
        "# mine\nDATABASE_URL=old\nDEBUG=false\n\nSECRET_KEY='x'\n DATABASE_REPLICA_URL = old\n"
    )

    prepare_site(layout, CHOSEN)

    lines = (site / ".env").read_text().splitlines()
    assert lines[:4] == ["# mine", "DEBUG=false", "", "SECRET_KEY='x'"]
    assert [line.partition("=")[0] for line in lines[4:]] == ["DATABASE_URL", "DATABASE_REPLICA_URL"]


def test_preparing_again_changes_nothing(site: Path, layout: Layout) -> None:
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}

    prepare_site(layout, CHOSEN)

    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before


def test_the_key_of_one_site_is_not_that_of_another(site: Path, tmp_path: Path) -> None:
    other = prepare_site(Layout(tmp_path / "other"), CHOSEN)

    assert dotenv_values(other / ".env")["SECRET_KEY"] != dotenv_values(site / ".env")["SECRET_KEY"]
