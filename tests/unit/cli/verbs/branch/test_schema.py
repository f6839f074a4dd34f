import json
from typing import Any

import pytest

from fake_api import FakeApi

OLD = "CREATE TABLE shoes (\n    id integer\n);\n"
NEW = "CREATE TABLE shoes (\n    id bigint\n);\n"
CHANGE = " CREATE TABLE shoes (\n-    id integer\n+    id bigint\n );\n"


def test_a_branch_is_compared_with_its_parent(run: Any, api: FakeApi) -> None:
    api.schemas = {("main", "shop"): OLD, ("dev", "shop"): NEW}

    done = run("branch", "diff", "dev")

    assert (done.code, done.shown) == (0, f"--- main shop\n+++ dev shop\n@@ -1,3 +1,3 @@\n{CHANGE}")


def test_two_branches_are_compared(run: Any, api: FakeApi) -> None:
    api.schemas = {("main", "shop"): NEW, ("dev", "shop"): OLD}

    assert run("branch", "diff", "dev", "main").shown.startswith("--- dev shop\n+++ main shop\n")


def test_a_branch_is_compared_with_its_past(run: Any, api: FakeApi) -> None:
    api.schemas = {("main@2026-01-01T00:00:00+00:00", "shop"): OLD, ("main", "shop"): NEW}

    done = run("branch", "diff", "main@2026-01-01T00:00:00Z")

    assert done.shown.startswith("--- main@2026-01-01T00:00:00Z shop\n+++ main shop\n")


def test_two_points_are_compared(run: Any, api: FakeApi) -> None:
    api.schemas = {("main@0/1", "shop"): OLD, ("main@0/2", "shop"): NEW}

    assert run("branch", "diff", "main@0/1", "@0/2").shown.startswith("--- main@0/1 shop\n+++ main@0/2 shop\n")


def test_a_database_that_one_of_them_lacks_is_new(run: Any, api: FakeApi) -> None:
    api.database_names = ["blog", "shop"]
    api.schemas = {("main", "shop"): OLD, ("dev", "shop"): OLD, ("dev", "blog"): "CREATE TABLE posts ();\n"}

    done = run("branch", "diff", "dev")

    assert done.shown == "--- main blog\n+++ dev blog\n@@ -0,0 +1 @@\n+CREATE TABLE posts ();\n"
    assert run("branch", "diff", "dev", "--database", "shop").shown == ""


def test_no_difference_is_told_to_people(run: Any, api: FakeApi) -> None:
    api.schemas = {("main", "shop"): OLD, ("dev", "shop"): OLD}

    done = run("branch", "diff", "dev")

    assert (done.code, done.shown, done.said.splitlines()[-1]) == (0, "", "no difference between main and dev")


def test_a_diff_for_programs(run: Any, api: FakeApi) -> None:
    api.schemas = {("main", "shop"): OLD, ("dev", "shop"): NEW}

    told = json.loads(run("branch", "diff", "dev", "--json").shown)

    assert not told["equal"]
    assert CHANGE in told["diffs"]["shop"]


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (("main",), 2, "branch main has no parent to be compared with\n  say another branch, or a point: "),
        (("prod",), 1, "there is no branch 'prod'"),
        (("dev@soon",), 2, "'soon' is no point"),
        (("dev", "--database", "blog"), 1, "there is no database 'blog'; found: shop"),
    ],
)
def test_what_cannot_be_compared_is_told(asked: tuple[str, ...], code: int, said: str, run: Any) -> None:
    done = run("branch", "diff", *asked)

    assert done.code == code
    assert said in done.said
