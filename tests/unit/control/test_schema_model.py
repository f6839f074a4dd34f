from dormouse.control.schema_model import Column, Constraint, ReferencedTable, Table, tables_of


def test_rows_become_tables_in_their_order() -> None:
    columns = [
        ("app", "author", "id", "bigint", False, False),
        ("app", "author", "upper_name", "text", True, True),
        ("app", "book", "author_id", "bigint", False, False),
        ("public", "author", "id", "uuid", False, False),
    ]
    constraints = [
        ("app", "author", "p", "author_pkey", ["id"], None, None, []),
        ("app", "author", "u", "author_key", ["upper_name", "id"], None, None, []),
        ("app", "book", "f", "book_fk", ["author_id"], "app", "author", ["id"]),
    ]

    assert tables_of(columns, constraints) == (
        Table(
            schema="app",
            name="author",
            columns=(
                Column(name="id", type="bigint", nullable=False, generated=False),
                Column(name="upper_name", type="text", nullable=True, generated=True),
            ),
            constraints=(
                Constraint(type="primary_key", columns=("id",), name="author_pkey"),
                Constraint(type="unique", columns=("upper_name", "id"), name="author_key"),
            ),
        ),
        Table(
            schema="app",
            name="book",
            columns=(Column(name="author_id", type="bigint", nullable=False, generated=False),),
            constraints=(
                Constraint(
                    type="foreign_key",
                    columns=("author_id",),
                    name="book_fk",
                    referenced_table=ReferencedTable(schema="app", table="author", columns=("id",)),
                ),
            ),
        ),
        Table(
            schema="public",
            name="author",
            columns=(Column(name="id", type="uuid", nullable=False, generated=False),),
        ),
    )


def test_a_table_may_have_no_columns_and_a_database_no_tables() -> None:
    assert tables_of([("public", "bare", None, "-", False, False)], []) == (
        Table(schema="public", name="bare", columns=()),
    )
    assert tables_of([], []) == ()
