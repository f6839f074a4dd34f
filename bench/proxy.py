"""The proxy beside PgBouncer (session mode, TLS), and a connect beside Postgres's own TLS and SCRAM.

python bench/proxy.py [ROUNDS] [SECONDS] [connect]

All are measured in one run, in turn, against servers of one version. Needs pgbench and pgbouncer on the machine.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import psycopg
from fix_platform import Made, Platform, new_home, platform_in, rows, wait_until

from dormouse.compute.account import server_account
from dormouse.compute.binaries import find_installed
from dormouse.home import socket_root
from dormouse.storage.layout import Layout
from dormouse.uri import ConnectionParameters
from measuring import in_turn, ratio_of

SCALE = 5


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with platform_in(new_home()) as platform:
        made = platform.create(suspend_timeout_seconds=-1)
        ours = ConnectionParameters.from_url(made.url)
        bench(ours, "-i", "-q", "-s", str(SCALE))
        with pgbouncer(platform, made) as peer:
            for protocol in () if only == "connect" else ("simple", "prepared"):
                for clients in (1, 8, 32):
                    flags = ["-S", "-M", protocol, "-c", str(clients), "-j", "1", "-T", str(seconds)]
                    compare(
                        f"pgbench -S, {protocol}, {clients} clients: proxy / PgBouncer",
                        rounds, lambda f=flags: tps(ours, *f), lambda f=flags: tps(peer, *f),
                    )  # fmt: skip
        with postgres_with_tls(platform, made) as direct:
            flags = ["-S", "-C", "-c", "1", "-T", str(seconds)]
            compare(
                "connect + query + close: proxy / Postgres's own TLS and SCRAM",
                rounds, lambda: tps(ours, *flags), lambda: tps(direct, *flags),
            )  # fmt: skip


def compare(what: str, rounds: int, ours: Callable[[], float], peer: Callable[[], float]) -> None:
    mine, theirs = in_turn(rounds, ours, peer)
    medians = f"{statistics.median(mine):.0f} / {statistics.median(theirs):.0f} per second"
    print(f"{what}: {ratio_of(mine, theirs)}  ({medians})", flush=True)


def bench(to: ConnectionParameters, *flags: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")} | to.pg_variables()
    program = shutil.which("pgbench") or str(next(Path("/usr/lib/postgresql").glob("*/bin/pgbench")))
    done = subprocess.run([program, "-n", *flags], check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tps(to: ConnectionParameters, *flags: str) -> float:
    found = re.findall(r"tps = ([\d.]+)", bench(to, *flags))
    return float(found[-1])


@contextmanager
def pgbouncer(platform: Platform, made: Made) -> Iterator[ConnectionParameters]:
    """PgBouncer in front of the same compute, with the platform's own certificate."""
    folder = Path(tempfile.mkdtemp(prefix="dormouse-bench-"))
    account = server_account()
    layout = Layout(platform.home)
    socket = socket_root(layout, account, os.environ.get("XDG_RUNTIME_DIR")) / made.primary.rpartition("-")[2]
    for name in ("server.pem", "server.key"):
        shutil.copy(layout.tls / name, folder / name)
    port = free_port()
    ours = ConnectionParameters.from_url(made.url)
    (folder / "users.txt").write_text(f'"{ours.role}" "{ours.password}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={socket} port=5432\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\n"
        f"unix_socket_dir=\nauth_type=scram-sha-256\nauth_file={folder}/users.txt\npool_mode=session\n"
        f"client_tls_sslmode=require\nclient_tls_key_file={folder}/server.key\n"
        f"client_tls_cert_file={folder}/server.pem\nmax_client_conn=200\ndefault_pool_size=100\n"
        f"ignore_startup_parameters=extra_float_digits\nlogfile={folder}/log\n"
    )
    if account is not None:
        for path in (folder, *folder.iterdir()):
            os.chown(path, *account.owner)
    process = subprocess.Popen(
        ["pgbouncer", "-q", str(folder / "pgbouncer.ini")],
        user=None if account is None else account.uid, group=None if account is None else account.gid,
        extra_groups=None if account is None else [], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    peer = ConnectionParameters(
        role=ours.role, password=ours.password, host="127.0.0.1", port=port, database=ours.database,
        options={"sslmode": "require"},
    )  # fmt: skip
    try:
        wait_until(lambda: answers(peer), "PgBouncer answers")
        yield peer
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@contextmanager
def postgres_with_tls(platform: Platform, made: Made) -> Iterator[ConnectionParameters]:
    """A Postgres of the same version and data that speaks TLS and SCRAM by itself."""
    account = server_account()
    version = rows(made.url, "SHOW server_version")[0][0]
    postgres = next(p for p in find_installed(None, os.environ, account) if str(version).startswith(p.version))
    folder = Path(tempfile.mkdtemp(prefix="dormouse-bench-"))
    folder.chmod(0o711)
    run_as = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    data = folder / "data"
    (folder / "password").write_text("bench\n")
    if account is not None:
        os.chown(folder, *account.owner)
    subprocess.run(
        [postgres.program("initdb"), "-N", "-D", data, "-U", "bench", "-A", "scram-sha-256",
         "--pwfile", folder / "password"],
        check=True, capture_output=True, cwd="/", **run_as,
    )  # fmt: skip
    for name in ("server.pem", "server.key"):
        shutil.copy(Layout(platform.home).tls / name, data / name)
        if account is not None:
            os.chown(data / name, *account.owner)
        (data / name).chmod(0o600)
    port = free_port()
    process = subprocess.Popen(
        [postgres.program("postgres"), "-D", data, "-p", str(port), "-k", folder, "-c", "ssl=on",
         "-c", "ssl_cert_file=server.pem", "-c", "ssl_key_file=server.key", "-c", "shared_buffers=16MB"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **run_as,
    )  # fmt: skip
    direct = ConnectionParameters(
        role="bench", password="bench", host="127.0.0.1", port=port, database="postgres",
        options={"sslmode": "require", "channel_binding": "require"},
    )  # fmt: skip
    try:
        wait_until(lambda: answers(direct), "Postgres answers")
        bench(direct, "-i", "-q", "-s", str(SCALE))
        yield direct
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def answers(to: ConnectionParameters) -> bool:
    try:
        return rows(to.url()) == [(1,)]
    except psycopg.OperationalError:
        return False


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
