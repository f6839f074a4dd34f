from pathlib import Path

import pytest

from dormouse.compute.pooler import PgBouncer, parse_version, render_ini

OLD = PgBouncer(path=Path("/usr/sbin/pgbouncer"), version=(1, 18))
NEW = PgBouncer(path=Path("/usr/sbin/pgbouncer"), version=(1, 24))


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("PgBouncer 1.18.0\nlibevent 2.1.12-stable\n", (1, 18)),
        ("PgBouncer 1.25.2\n", (1, 25)),
        ("pgbouncer version 1.7.2 (debian)", None),
        ("", None),
    ],
)
def test_the_version_is_read_from_what_it_says(said: str, version: tuple[int, int] | None) -> None:
    assert parse_version(said) == version


def settings_of(ini: str) -> dict[str, str]:
    lines = ini[ini.index("[pgbouncer]") :].splitlines()[1:]
    return dict(line.split(" = ", 1) for line in lines)


def test_it_pools_by_transaction_and_listens_on_no_address() -> None:
    settings = settings_of(render_ini(OLD, folder=Path("/run/p"), server_socket=Path("/run/s"), pool_size=180))

    assert settings["pool_mode"] == "transaction"
    assert settings["listen_addr"] == ""
    assert settings["unix_socket_dir"] == "/run/p"
    assert settings["default_pool_size"] == "180"


@pytest.mark.parametrize(("pgbouncer", "prepares"), [(OLD, False), (NEW, True)])
def test_prepared_statements_are_on_where_it_knows_them(pgbouncer: PgBouncer, *, prepares: bool) -> None:
    ini = render_ini(pgbouncer, folder=Path("/run/p"), server_socket=Path("/run/s"), pool_size=1)

    assert ("max_prepared_statements" in ini) is prepares


def test_a_folder_with_a_quote_stays_one_value() -> None:
    ini = render_ini(OLD, folder=Path("/run/p"), server_socket=Path("/run/o'clock dir"), pool_size=1)

    assert "host='/run/o''clock dir' port=5432" in ini
