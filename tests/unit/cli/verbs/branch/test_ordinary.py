import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dormouse.names import ProjectId
from fake_api import FakeApi, branch_of


def test_a_branch_is_made_from_the_default_one(run: Any, api: FakeApi, folder: Path) -> None:
    (folder / ".neon").write_text('{"projectId": "cold-sea-00000001", "branch": "dev"}')

    done = run("branch", "create", "pr-41")

    made = api.branch_list[-1]
    assert (made.name, made.parent_id, made.expires_at) == ("pr-41", "br-cold-sea-00000001", None)
    assert api.endpoint_list[-1].branch_id == made.id
    assert done.shown.startswith(f"branch pr-41 ({made.id}) ready, from main · ")
    assert "next: `dormouse env pr-41`" in done.said


def test_a_name_with_a_space_is_quoted_in_what_comes_next(run: Any) -> None:
    assert "next: `dormouse env 'zweig ü'`" in run("branch", "create", "zweig ü").said


def test_a_branch_is_made_as_asked(run: Any, api: FakeApi, folder: Path) -> None:
    asked = ("--parent", "dev", "--expires", "2026-12-01T00:00:00Z", "--protected", "--no-compute", "--use")

    run("branch", "create", "pr-41", *asked)

    made = api.branch_list[-1]
    assert (made.parent_id, made.protected) == ("br-cold-sea-00000002", True)
    assert made.expires_at == datetime(2026, 12, 1, tzinfo=UTC)
    assert made.id not in {each.branch_id for each in api.endpoint_list}
    assert json.loads((folder / ".neon").read_text())["branch"] == "pr-41"


def test_a_branch_for_programs_comes_with_its_computes(run: Any) -> None:
    made = json.loads(run("branch", "create", "pr-41", "--json").shown)

    assert made["branch"]["current_state"] == "ready"
    assert [each["type"] for each in made["endpoints"]] == ["read_write"]


def test_a_name_that_is_taken_is_refused_in_the_servers_words(run: Any) -> None:
    done = run("branch", "create", "dev", "-q")

    assert (done.code, done.shown, done.said) == (1, "", "dormouse: branch already exists\n")


def test_a_moment_that_is_none_is_asked_wrongly(run: Any, api: FakeApi) -> None:
    done = run("branch", "create", "pr-41", "--expires", "soon")

    assert (done.code, api.calls) == (2, [])
    assert "'soon' is no moment; expected 7d" in done.said


def test_one_branch(run: Any) -> None:
    facts = dict(line.split(None, 1) for line in run("branch", "get", "dev").shown.splitlines())

    assert (facts["name"], facts["parent"], facts["marks"]) == ("dev", "main", "none")
    assert facts["read-write"] == "ep-cold-sea-00000002 (idle) ep-cold-sea-00000002.dormouse.localhost:55432"
    assert json.loads(run("branch", "get", "--json").shown)["name"] == "main"


@pytest.mark.parametrize(
    ("asked", "field", "expected"),
    [
        (("rename", "dev", "pr-41"), "name", "pr-41"),
        (("set-default", "dev"), "default", True),
        (("protect", "dev"), "protected", True),
        (("unprotect", "br-cold-sea-00000002"), "protected", False),
        (("expire", "dev", "2026-12-01"), "expires_at", datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_a_branch_is_changed(asked: tuple[str, ...], field: str, expected: object, run: Any, api: FakeApi) -> None:
    done = run("branch", *asked, "--json")

    assert done.code == 0
    assert getattr(api.branch_list[1], field) == expected
    assert json.loads(done.shown)["id"] == "br-cold-sea-00000002"


def test_an_expiry_is_taken_away(run: Any, api: FakeApi) -> None:
    assert "expires at 2026-12-01T00:00:00Z" in run("branch", "expire", "dev", "2026-12-01").shown
    assert "does not expire" in run("branch", "expire", "dev", "never").shown
    assert api.branch_list[1].expires_at is None


def test_a_branch_is_made_of_the_past(run: Any, api: FakeApi) -> None:
    done = run("branch", "create", "pr-41", "--parent", "dev@2026-01-01T00:00:00.250Z")

    assert (api.created[0].parent_id, api.created[0].parent_lsn) == ("br-cold-sea-00000002", None)
    assert api.created[0].parent_timestamp == datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)
    assert " ready, from dev at 2026-01-01T00:00:00.250000Z (" in done.shown


def test_a_branch_is_made_of_a_position(run: Any, api: FakeApi) -> None:
    run("branch", "create", "pr-41", "--parent", "0/1fa22c0")

    assert (api.created[0].parent_id, api.created[0].parent_lsn) == ("br-cold-sea-00000001", "0/1FA22C0")


def test_a_branch_is_made_without_rows(run: Any, api: FakeApi) -> None:
    done = run("branch", "create", "pr-41", "--schema-only")

    assert api.created[0].init_source == "schema-only"
    assert " ready, with the schema of main · " in done.shown
    assert run("branch", "create", "pr-42", "--schema-only", "--no-compute").code == 2


@pytest.mark.parametrize(
    ("parent", "code", "said"),
    [
        ("dev@soon", 2, "'soon' is no point; expected -10m, -1h30m, yesterday 14:00, 14:00 or 2026-"),
        ("dev@2126-01-01", 2, "'2126-01-01' is still to come: it is 20"),
        ("prod", 1, "there is no branch 'prod'; found: main (br-cold-sea-00000001), dev (br-"),
        ("prod@-10m", 1, "there is no branch 'prod'; found: "),
    ],
)
def test_a_parent_that_is_none_is_told(parent: str, code: int, said: str, run: Any, api: FakeApi) -> None:
    done = run("branch", "create", "pr-41", "--parent", parent)

    assert (done.code, api.calls) == (code, [])
    assert said in done.said


def test_a_branch_is_deleted_and_can_be_brought_back(run: Any, api: FakeApi) -> None:
    done = run("branch", "delete", "dev", "--yes")

    assert done.shown.startswith("branch dev (br-cold-sea-00000002) deleted")
    assert "back, until 2026-01-08T00:00:00Z: `dormouse branch recover dev`" in done.said
    assert [each.name for each in api.branch_list] == ["main"]
    assert run("branch", "recover", "dev").shown.startswith("branch dev (br-cold-sea-00000002) is back · ")
    assert [each.name for each in api.branch_list] == ["main", "dev"]


def test_a_branch_is_deleted_for_good(run: Any, api: FakeApi) -> None:
    done = run("branch", "delete", "dev", "--yes", "--hard")

    assert "recover" not in done.said
    assert api.deleted_branches == []


def test_who_brings_a_branch_back_hears_which_there_are(run: Any, api: FakeApi) -> None:
    run("branch", "delete", "dev", "-yq")
    run("branch", "create", "dev", "-q")
    run("branch", "delete", "dev", "-yq")

    unknown, several = run("branch", "recover", "prod"), run("branch", "recover", "dev")

    assert (unknown.code, several.code) == (1, 1)
    assert "there is no deleted branch 'prod'; found: dev (br-cold-sea-00000002), dev (br-" in unknown.said
    assert "there are several deleted branches named 'dev': dev (br-" in several.said
    assert "\n  say its id\n" in several.said


def test_a_deletion_is_tried_dry(run: Any, api: FakeApi) -> None:
    done = run("branch", "delete", "dev", "--dry-run")

    assert (done.code, api.calls) == (0, [])
    assert "branch dev (br-cold-sea-00000002) of shop at neon.test would be deleted\n" in done.shown
    assert "its computes would go with it: ep-cold-sea-00000002\n" in done.shown
    assert json.loads(run("branch", "delete", "dev", "--dry-run", "--json").shown)["would"] == "delete"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("main", "it is the default branch\n  make another one that: `dormouse branch set-default NAME`"),
        ("live", "it is protected\n  `dormouse branch unprotect live`"),
        ("dev", "it has children: pr-41\n  delete them first"),
    ],
)
def test_a_dry_deletion_tells_what_is_in_the_way(name: str, why: str, run: Any, api: FakeApi) -> None:
    shop = ProjectId("cold-sea-00000001")
    api.branch_list.append(branch_of(shop, 3, "live", protected=True))
    api.branch_list.append(branch_of(shop, 4, "pr-41", parent_id="br-cold-sea-00000002"))

    done = run("branch", "delete", name, "--dry-run")

    assert (done.code, api.calls) == (1, [])
    assert f"would not be deleted: {why}" in done.said


def test_a_branch_is_checked_out_without_git(run: Any, api: FakeApi, folder: Path) -> None:
    (folder / ".env").write_text("DEBUG=1\n")

    done = run("branch", "checkout", "dev")

    assert done.shown.startswith("using branch dev (br-cold-sea-00000002) of shop, here and in .env · ")
    assert json.loads((folder / ".neon").read_text())["branch"] == "dev"
    assert "DATABASE_URL=postgresql://anna:npg_secret@ep-cold-sea-00000002." in (folder / ".env").read_text()
    assert (folder / ".env").read_text().startswith("DEBUG=1\n")


def test_the_servers_refusal_is_passed_on(run: Any) -> None:
    done = run("branch", "delete", "main", "-yq")

    assert (done.code, done.said) == (
        1,
        "dormouse: cannot delete the default branch\n"
        "  it is the default branch: make another one that: `dormouse branch set-default NAME`\n",
    )


def test_a_branch_is_pinned_by_name(run: Any, folder: Path) -> None:
    assert run("branch", "use", "br-cold-sea-00000002").code == 0

    assert json.loads((folder / ".neon").read_text()) == {
        "orgId": "org-calm-hill-12345678",
        "projectId": "cold-sea-00000001",
        "branch": "dev",
    }


def test_a_name_that_looks_like_an_id_is_pinned_by_its_id(run: Any, api: FakeApi, folder: Path) -> None:
    api.branch_list.append(branch_of(ProjectId("cold-sea-00000001"), 7, "br-my-own-thing"))

    run("branch", "use", "br-my-own-thing")

    assert json.loads((folder / ".neon").read_text())["branch"] == "br-cold-sea-00000007"
