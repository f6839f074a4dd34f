"""Tables and schema diff: what is asked of the control plane, and what an address may hold."""

import re
from dataclasses import replace

import fix_memory_plane
import pytest

from dormouse.control.model import Branch
from dormouse.control.relation_model import Relation, RelationColumn, RelationDetail, RelationKind
from fix_console import Visitor

EVIL = '"><script>alert(1)</script>'
ORDERS = "schema=public&table=orders"


@pytest.fixture
def project(visitor: Visitor) -> str:
    return visitor.create_project(name="shop")


def test_lists_tables_by_schema(visitor: Visitor, project: str) -> None:
    said = visitor.get(project + "/tables").said

    assert "public" in said and "orders table 1,000 66 kB" in said


def test_shows_rows_and_leads_to_the_next(visitor: Visitor, project: str) -> None:
    page = visitor.get(f"{project}/tables/rows?{ORDERS}")

    assert "Rows 1 to 50" in page.said and "Before" not in page.said
    path = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert path is not None
    assert "Rows 51 to 100" in visitor.get(path[1].replace("&amp;", "&")).said


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("column=nothing&operator=%3D&value=1", 400, "orders has no column 'nothing'"),
        ("sort=nothing", 400, "orders has no column 'nothing'"),
        ("column=id&operator=resembles&value=1", 400, "there is no comparison 'resembles'"),
        ("offset=-1", 400, "rows can be skipped up to 1,000,000"),
        ("offset=9999999", 400, "rows can be skipped up to 1,000,000"),
        ("offset=%C2%B2", 400, "rows can be skipped up to 1,000,000"),
    ],
)
def test_an_address_is_read_with_care(visitor: Visitor, project: str, query: str, status: int, said: str) -> None:
    answer = visitor.get(f"{project}/tables/rows?{ORDERS}&{query}")

    assert answer.status == status
    assert said in answer.said


def test_sorting_goes_up_down_and_back(visitor: Visitor, project: str) -> None:
    path = f"{project}/tables/rows?{ORDERS}"
    seen = []
    for _ in range(4):
        page = visitor.get(path).text
        found = re.search(
            r'<th scope="col" class="is-number"(?: aria-sort="(\w+)")?><a href="([^"]+)">id</a>', page
        )
        assert found is not None
        seen.append(found[1])
        path = found[2].replace("&amp;", "&")

    assert seen == [None, "ascending", "descending", None]


def test_a_filter_stays_while_one_pages_and_sorts(visitor: Visitor, project: str) -> None:
    page = visitor.get(f"{project}/tables/rows?{ORDERS}&column=id&operator=%3E%3D&value=7&sort=id").text

    links = re.findall(r'href="([^"]+offset=50[^"]*|[^"]+descending=yes[^"]*)"', page)
    assert len(links) == 2
    assert all("column=id" in each and "operator=%3E%3D" in each and "value=7" in each for each in links)
    assert '<input type="hidden" name="sort" value="id">' in page


def test_leads_to_the_editor_with_the_statement(visitor: Visitor, project: str) -> None:
    page = visitor.get(f"{project}/tables/rows?{ORDERS}&column=id&operator=%3D&value=7").text

    path = re.search(r'href="([^"]+)">Open in the SQL editor', page)
    assert path is not None
    assert (
        "WHERE &#34;public&#34;.&#34;orders&#34;.&#34;id&#34; = &#39;7&#39;"
        in visitor.get(path[1].replace("&amp;", "&")).text
    )


def test_a_table_that_is_not_there_is_not_found(visitor: Visitor, project: str) -> None:
    assert visitor.get(f"{project}/tables/rows?schema=public&table=nothing").status == 404


def test_shows_the_structure(visitor: Visitor, project: str) -> None:
    said = visitor.get(f"{project}/tables/structure?{ORDERS}").said

    assert "id key bigint no" in said


def test_names_stay_text(visitor: Visitor, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    relation = Relation(
        schema=EVIL, name=EVIL, kind=RelationKind.TABLE, estimated_rows=1, size_bytes=1, comment=EVIL
    )
    column = RelationColumn(name=EVIL, type="text", nullable=True, default=EVIL, comment=EVIL)
    evil = RelationDetail(relation=relation, columns=(column,), key=(EVIL,), view=EVIL)
    monkeypatch.setattr(fix_memory_plane, "RELATIONS", (evil,))
    path = re.search(r'href="([^"]+tables/rows[^"]+)"', visitor.get(project + "/tables").text)
    assert path is not None
    rows = path[1].replace("&amp;", "&")

    assert "without a primary key" not in visitor.get(rows).said
    for page in (project + "/tables", rows, rows.replace("/rows?", "/structure?")):
        answer = visitor.get(page)
        assert answer.status == 200
        assert EVIL in answer.said and "<script>" not in answer.text


def test_says_that_rows_without_a_key_have_no_order(
    visitor: Visitor, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (orders,) = fix_memory_plane.RELATIONS
    monkeypatch.setattr(fix_memory_plane, "RELATIONS", (replace(orders, key=()),))

    assert "in no order, without a primary key" in visitor.get(f"{project}/tables/rows?{ORDERS}").said
    assert "in no order" not in visitor.get(f"{project}/tables/rows?{ORDERS}&sort=id").said


def test_one_branch_alone_has_nothing_to_differ_from(visitor: Visitor, project: str) -> None:
    assert "There is one branch only" in visitor.get(project + "/schema-diff").said


@pytest.fixture
def branch(visitor: Visitor, project: str) -> Branch:
    """A child of the first, with what belongs to it."""
    state = visitor.plane.state
    main = state.branches[0]
    child = replace(main, id="br-child", name="child", parent_id=main.id, default=False)  # type: ignore[arg-type]
    state.branches.append(child)
    state.copy_contents(main.id, child.id)
    return child


def test_a_branch_stands_beside_its_parent(visitor: Visitor, project: str, branch: Branch) -> None:
    visitor.plane.state.schemas[branch.id] = fix_memory_plane.SCHEMA.replace("bigint", "uuid")

    page = visitor.get(project + "/schema-diff")

    assert "−1 +1 lines from main to child" in page.said
    assert re.search(r'<del data-sign="−">.*<b>bigint</b>.*</del>', page.text)
    assert re.search(r'<ins data-sign="\+">.*<b>uuid</b>.*</ins>', page.text)


def test_equal_schemas_do_not_differ(visitor: Visitor, project: str, branch: Branch) -> None:
    assert "No difference" in visitor.get(f"{project}/schema-diff?branch={branch.id}").said


def test_schemas_stay_text(visitor: Visitor, project: str, branch: Branch) -> None:
    visitor.plane.state.schemas[branch.id] = f"COMMENT ON TABLE t IS '{EVIL}';\n"

    answer = visitor.get(project + "/schema-diff")

    assert EVIL in answer.said and "<script>" not in answer.text


def test_a_base_that_is_not_there_is_not_found(visitor: Visitor, project: str) -> None:
    assert visitor.get(project + "/schema-diff?base=br-nowhere").status == 404
