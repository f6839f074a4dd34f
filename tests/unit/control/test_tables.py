from dormouse.control.tables import Column, Constraint, ReferencedTable, Table, tables_of


def test_a_database_without_tables() -> None:
    assert tables_of("[]") == ()


def test_tables_are_read_as_the_server_writes_them() -> None:
    text = """[{"schema": "public", "name": "orders", "columns":
        [{"name": "id", "type": "bigint", "nullable": false, "generated": false},
         {"name": "☃", "type": "numeric(10,2)", "nullable": true, "generated": true}],
        "constraints": [
         {"type": "primary_key", "name": "orders_pkey", "columns": ["id"], "referenced_table": null},
         {"type": "foreign_key", "name": "of", "columns": ["id", "☃"],
          "referenced_table": {"schema": "s", "table": "t", "columns": ["b", "a"]}}]},
        {"schema": "z", "name": "bare", "columns": [], "constraints": []}]"""

    orders, bare = tables_of(text)

    assert orders.columns == (
        Column(name="id", type="bigint", nullable=False, generated=False),
        Column(name="☃", type="numeric(10,2)", nullable=True, generated=True),
    )
    assert orders.constraints == (
        Constraint(type="primary_key", name="orders_pkey", columns=("id",)),
        Constraint(
            type="foreign_key",
            name="of",
            columns=("id", "☃"),
            referenced_table=ReferencedTable(schema="s", table="t", columns=("b", "a")),
        ),
    )
    assert bare == Table(schema="z", name="bare", columns=(), constraints=())
