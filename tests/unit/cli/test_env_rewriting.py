from dormouse.cli.env_rewriting import rewritten
from dormouse.uri import ConnectionParameters


def connection(name: str) -> ConnectionParameters:
    return ConnectionParameters.from_url(f"postgresql://anna:npg_x@{name}.dormouse.localhost:55432/shop")


NEW, REPLICA = connection("ep-new-1"), connection("ep-new-2")


def test_a_file_that_is_not_there_gets_what_is_needed() -> None:
    assert rewritten("", NEW, NEW, []) == f"DATABASE_URL={NEW.url()}\nDATABASE_URL_UNPOOLED={NEW.url()}\n"


def test_a_file_of_another_branch_is_pointed_to_this_one() -> None:
    old, old_replica = connection("ep-old-1").url(), connection("ep-old-2").url()
    text = f"DEBUG=1\nDATABASE_URL={old}?conn_max_age=60\nDATABASE_REPLICA_URL={old_replica}  # near\n"

    assert rewritten(text, NEW, NEW, [REPLICA]) == (
        f"DEBUG=1\nDATABASE_URL={NEW.url()}?conn_max_age=60\nDATABASE_REPLICA_URL={REPLICA.url()}  # near\n"
        f"DATABASE_URL_UNPOOLED={NEW.url()}\n"
    )


def test_the_replica_of_another_branch_is_not_read() -> None:
    text = f"DATABASE_REPLICA_URL='{connection('ep-old-2').url()} {connection('ep-old-3').url()}'\n"

    assert rewritten(text, NEW, NEW, []).startswith("DATABASE_REPLICA_URL=''\n")


def test_the_way_to_another_database_is_kept_in_a_comment() -> None:
    text = "# mine\nDATABASE_URL=sqlite:///db.sqlite3\n"

    once = rewritten(text, NEW, NEW, [])

    assert once == (
        "# mine\n"
        "# DATABASE_URL=sqlite:///db.sqlite3  # as it was before `dormouse checkout`\n"
        f"DATABASE_URL={NEW.url()}\nDATABASE_URL_UNPOOLED={NEW.url()}\n"
    )
    assert rewritten(once, NEW, NEW, []) == once
