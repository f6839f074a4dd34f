"""Real clients, each with the strictest settings that it has."""

import subprocess
from typing import Any


def psql(
    proxy: Any, *arguments: str, endpoint: str | None = None, **parameters: Any
) -> "subprocess.CompletedProcess[str]":
    given = proxy.parameters(**({"endpoint": endpoint} if endpoint else {}), **parameters)
    conninfo = " ".join("{}='{}'".format(key, str(value).replace("'", r"\'")) for key, value in given.items())
    return subprocess.run(
        ["/usr/bin/psql", "-XAt", "-v", "ON_ERROR_STOP=1", conninfo, *arguments],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip


def test_psql_with_channel_binding_and_full_verification(proxy: Any) -> None:
    run = psql(
        proxy, "-c", "select current_user, 42", sslmode="verify-full", sslrootcert=proxy.certificates.ca_path
    )

    assert (run.returncode, run.stderr, run.stdout) == (0, "", "owner|42\n")


def test_psycopg(proxy: Any) -> None:
    with proxy.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)
