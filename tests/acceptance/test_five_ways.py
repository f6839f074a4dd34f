"""docs/explanation/five-ways-a-router-is-wrong.md: what it says is printed, by its router and by ours."""

import re
import sys
from pathlib import Path

import pytest

from .conftest import GuideProject
from .reader import Reader

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "five-ways-a-router-is-wrong.md"
SITE = Path(__file__).parents[2] / "examples" / "site"

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `(.*?)` \| `(.*?)` \|$", re.MULTILINE)

THEIRS = """
from config.settings import *

DATABASE_ROUTERS = ["twelve.ReplicaRouter"]
for entry in DATABASES.values():
    entry["ENGINE"] = "django.db.backends.postgresql"
DATABASES["replica"]["TEST"] = {"MIRROR": "default"}
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_each_way(tmp_path: Path, project: GuideProject) -> None:
    router, *ways = re.split(r"^## \d\. ", PAGE.read_text(), flags=re.MULTILINE)
    assert len(ways) == 5
    [twelve_lines] = BLOCK.findall(router)
    blocks = [BLOCK.findall(way)[0] for way in ways]
    said = [ROW.findall(way) for way in ways]
    reader = Reader(tmp_path, Path(sys.executable))
    reader.copy(SITE)
    reader.write_env(
        {"DEBUG": "true", "DATABASE_URL": project.url, "DATABASE_REPLICA_URL": project.replica_url}
        | {"ALLOWED_HOSTS": "testserver", "LOG_LEVEL": "CRITICAL"}
    )
    (tmp_path / "twelve.py").write_text(twelve_lines)
    (tmp_path / "config" / "twelve_settings.py").write_text(THEIRS)
    (tmp_path / "notes" / "demonstration.py").write_text(blocks[-1])
    reader.manage("migrate", "--verbosity=0")

    for column, settings in enumerate(("config.twelve_settings", "config.settings")):
        shell = ("shell", "--verbosity=0", f"--settings={settings}", "--command")
        printed = reader.manage(*shell, "\n".join(blocks[:-1])).splitlines()
        assert printed == [row[column] for rows in said[:-1] for row in rows]

    [[theirs, ours]] = said[-1]
    with pytest.raises(AssertionError, match=theirs):
        reader.manage("test", "notes.demonstration", "--settings=config.twelve_settings")
    assert "Found 1 test" in reader.manage("test", "notes.demonstration")
    assert ours == "OK"
