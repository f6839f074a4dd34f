import pytest

from dormouse.control.browsing import query_of, quoted, statement_of
from dormouse.control.relation_model import (
    Browse,
    Filter,
    Operator,
    Relation,
    RelationColumn,
    RelationDetail,
    RelationKind,
    Sort,
)
from dormouse.errors import Invalid

EVIL = 'x"; DROP TABLE orders; --'


def column(name: str, *, is_wide: bool = False, nullable: bool = False) -> RelationColumn:
    return RelationColumn(name=name, type="text" if is_wide else "bigint", nullable=nullable, is_wide=is_wide)


def table(*columns: RelationColumn, key: tuple[str, ...] = (), name: str = "orders") -> RelationDetail:
    relation = Relation(schema="public", name=name, kind=RelationKind.TABLE, estimated_rows=None, size_bytes=None)
    return RelationDetail(relation=relation, columns=columns, key=key)


ORDERS = table(column("id"), column("note", is_wide=True, nullable=True), key=("id",))


def test_shows_rows_in_the_order_of_the_key() -> None:
    text, parameters = query_of(ORDERS, Browse(limit=50, offset=100))

    assert text == (
        'SELECT "id", left("note"::text, 1001) AS "note" FROM "public"."orders"\n'
        'ORDER BY "public"."orders"."id"\nLIMIT 51\nOFFSET 100'
    )
    assert parameters == ()


def test_without_a_key_there_is_no_order() -> None:
    assert "ORDER BY" not in query_of(table(column("id")), Browse())[0]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (Sort(column="id"), '"id" ASC\n'),
        (Sort(column="id", descending=True), '"id" DESC\n'),
        (Sort(column="note"), '"note" ASC, "public"."orders"."id"\n'),
        (Sort(column="note", descending=True), '"note" DESC NULLS LAST, "public"."orders"."id"\n'),
    ],
)
def test_sorts_by_a_column_and_then_by_the_key(sort: Sort, order: str) -> None:
    assert f'ORDER BY "public"."orders".{order}' in query_of(ORDERS, Browse(sort=sort))[0]


@pytest.mark.parametrize(
    ("operator", "condition", "parameters"),
    [
        (Operator.EQUAL, "= $1", ("5%_\\",)),
        (Operator.UNEQUAL, "IS DISTINCT FROM $1", ("5%_\\",)),
        (Operator.LESS, "< $1", ("5%_\\",)),
        (Operator.AT_MOST, "<= $1", ("5%_\\",)),
        (Operator.GREATER, "> $1", ("5%_\\",)),
        (Operator.AT_LEAST, ">= $1", ("5%_\\",)),
        (Operator.CONTAINS, "::text ILIKE $1", ("%5\\%\\_\\\\%",)),
        (Operator.STARTS_WITH, "::text ILIKE $1", ("5\\%\\_\\\\%",)),
        (Operator.IS_NULL, "IS NULL", ()),
        (Operator.IS_NOT_NULL, "IS NOT NULL", ()),
    ],
)
def test_compares_with_a_bound_value(operator: Operator, condition: str, parameters: tuple[str, ...]) -> None:
    text, bound = query_of(ORDERS, Browse(filters=(Filter(column="note", operator=operator, value="5%_\\"),)))

    assert f'WHERE "public"."orders"."note"{"" if condition[0] == ":" else " "}{condition}\n' in text
    assert bound == parameters


def test_several_conditions_hold_together() -> None:
    filters = (
        Filter(column="note", operator=Operator.IS_NULL),
        Filter(column="id", operator=Operator.GREATER, value="1"),
        Filter(column="id", operator=Operator.LESS, value="9"),
    )

    text, bound = query_of(ORDERS, Browse(filters=filters))

    assert text.count(" AND ") == 2 and "$2" in text and "$3" not in text
    assert bound == ("1", "9")


def test_names_are_quoted() -> None:
    evil = table(column(EVIL), key=(EVIL,), name=EVIL)

    text, _ = query_of(evil, Browse(sort=Sort(column=EVIL)))

    assert text.count('"x""; DROP TABLE orders; --"') == 4


def test_a_value_never_is_in_the_text() -> None:
    text, bound = query_of(ORDERS, Browse(filters=(Filter(column="note", operator=Operator.EQUAL, value=EVIL),)))

    assert "DROP" not in text and bound == (EVIL,)


def test_the_same_for_people_has_its_values_in_it() -> None:
    browse = Browse(filters=(Filter(column="note", operator=Operator.CONTAINS, value="it's"),), limit=50)

    assert statement_of(ORDERS, browse) == (
        'SELECT * FROM "public"."orders"\n'
        """WHERE "public"."orders"."note"::text ILIKE '%it''s%'\n"""
        'ORDER BY "public"."orders"."id"\nLIMIT 50'
    )


def test_quotes_a_name_with_its_schema() -> None:
    assert quoted("public", 'my"table') == '"public"."my""table"'


def test_a_table_without_columns_has_rows_all_the_same() -> None:
    assert query_of(table(), Browse())[0].startswith('SELECT  FROM "public"."orders"')


@pytest.mark.parametrize(
    "browse",
    [
        Browse(sort=Sort(column="nothing")),
        Browse(filters=(Filter(column="ID", operator=Operator.EQUAL, value="1"),)),
    ],
)
def test_refuses_a_column_that_is_not_there(browse: Browse) -> None:
    with pytest.raises(Invalid, match="orders has no column"):
        query_of(ORDERS, browse)
