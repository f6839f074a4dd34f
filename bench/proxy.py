"""The proxy beside PgBouncer, Postgres's own TLS, and its unix socket.

python bench/proxy.py [ROUNDS] [SECONDS] [PART …]

Parts: pgbench, copy, connect, idle; without any, all. All are measured in one run, in turn, against servers of one
version. Prints a table and, after all parts, draws `docs/images/proxy.svg`. Needs pgbench and pgbouncer.
"""

import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import psutil
import psycopg
from fix_platform import Made, Platform, new_home, platform_in, rows, wait_until

from dormouse.compute.account import server_account
from dormouse.compute.binaries import find_installed
from dormouse.home import socket_root
from dormouse.storage.layout import Layout
from dormouse.uri import ConnectionParameters
from measuring import Ratio, ratio_of
from plot import write_svg

SCALE = 5
COPY_BYTES = 100_000_000
IDLE = 1000
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "proxy.svg"

Measure = Callable[[ConnectionParameters], float]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    parts = sys.argv[3:] or ["pgbench", "copy", "connect", "idle"]
    shown: list[tuple[str, Ratio]] = []
    with platform_in(new_home()) as platform:
        made = platform.create(suspend_timeout_seconds=-1)
        ours = ConnectionParameters.from_url(made.url)
        bench(ours, "-i", "-q", "-s", str(SCALE))
        with (
            pgbouncer(platform, made, "session") as session,
            pgbouncer(platform, made, "transaction") as transaction,
            postgres_with_tls(platform, made) as direct,
        ):
            peers = {
                "PgBouncer, session": session,
                "PgBouncer, transaction": transaction,
                "Postgres's TLS": direct,
                "unix socket": unix_socket(platform, made, ours),
            }
            if "pgbench" in parts:
                for protocol in ("simple", "prepared"):
                    for clients in (1, 8, 32):
                        flags = ["-S", "-M", protocol, "-c", str(clients), "-j", "1", "-T", str(seconds)]
                        # Before 1.21 PgBouncer loses prepared statements between transactions.
                        among = {n: p for n, p in peers.items() if protocol == "simple" or "transaction" not in n}
                        what = f"pgbench -S, {protocol}, {clients} client{'s' if clients > 1 else ''}"
                        shown += compare(what, rounds, ours, among, lambda to, f=flags: tps(to, *f))
            if "copy" in parts:
                shown += compare("COPY 100 MB to the client", rounds, ours, peers, copy_out)
                shown += compare("COPY 100 MB from the client", rounds, ours, peers, copy_in)
            if "connect" in parts:
                flags = ["-S", "-C", "-c", "1", "-T", str(seconds)]
                shown += compare("connect + query + close", rounds, ours, peers, lambda to: tps(to, *flags))
        if "idle" in parts:
            idle_clients(platform, made)
    if len(parts) == 4:
        write_svg(PICTURE, "The proxy's speed, as a multiple of PgBouncer's (session mode, TLS)", shown)


def compare(
    what: str, rounds: int, ours: ConnectionParameters, peers: dict[str, ConnectionParameters], measure: Measure
) -> list[tuple[str, Ratio]]:
    """A line of the table for each peer; returns the first, for the picture."""
    measured = all_in_turn(rounds, {"": ours, **peers}, measure)
    mine = measured.pop("")
    for peer, theirs in measured.items():
        medians = f"{statistics.median(mine):,.0f} / {statistics.median(theirs):,.0f} per second"
        print(f"| {what} / {peer} | {ratio_of(mine, theirs)} | {medians} |", flush=True)
    return [(what, ratio_of(mine, next(iter(measured.values()))))]


def all_in_turn(rounds: int, targets: dict[str, ConnectionParameters], measure: Measure) -> dict[str, list[float]]:
    """Each once a round, in another order every round, after one that does not count."""
    chance = random.Random(7)
    found: dict[str, list[float]] = {name: [] for name in targets}
    for number in range(rounds + 1):
        for name in chance.sample(list(targets), len(targets)):
            value = measure(targets[name])
            if number:
                found[name].append(value)
    return found


def connect(to: ConnectionParameters) -> psycopg.Connection:
    return psycopg.connect(
        host=to.host, port=to.port, user=to.role, password=to.password, dbname=to.database, **to.options
    )


def copy_out(to: ConnectionParameters) -> float:
    """Bytes a second."""
    query = f"COPY (SELECT repeat('x', 999) FROM generate_series(1, {COPY_BYTES // 1000})) TO STDOUT"
    with connect(to) as connection, connection.cursor() as cursor:
        began = time.perf_counter()
        with cursor.copy(query) as copy:
            size = sum(len(data) for data in copy)
        return size / (time.perf_counter() - began)


def copy_in(to: ConnectionParameters) -> float:
    """Bytes a second, into a table that nobody keeps."""
    block = (b"x" * 999 + b"\n") * 64
    with connect(to) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE sink (line text) ON COMMIT DROP")
        began = time.perf_counter()
        with cursor.copy("COPY sink FROM STDIN") as copy:
            for _ in range(COPY_BYTES // len(block)):
                copy.write(block)
        return COPY_BYTES / (time.perf_counter() - began)


def idle_clients(platform: Platform, made: Made) -> None:
    """What a thousand that asked one query each and then do nothing take of the platform's memory."""
    process = psutil.Process(int(str(platform.there["pid"])))
    url = made.url.replace(made.primary, f"{made.primary}-pooler")
    rows(url)
    time.sleep(1)
    before = process.memory_info().rss
    with ExitStack() as stack:
        for _ in range(IDLE):
            client = stack.enter_context(psycopg.connect(url, autocommit=True))
            client.execute("SELECT 1")
        used = process.memory_info().rss - before
    print(f"| {IDLE:,} idle clients | {used / 1e6:.0f} MB |", flush=True)


def unix_socket(platform: Platform, made: Made, ours: ConnectionParameters) -> ConnectionParameters:
    """Past the proxy, to the same compute."""
    return ConnectionParameters(
        role=ours.role, password=None, host=str(socket_folder(platform, made)), port=5432, database=ours.database,
        options={"sslmode": "disable"},
    )  # fmt: skip


def socket_folder(platform: Platform, made: Made) -> Path:
    root = socket_root(Layout(platform.home), server_account(), os.environ.get("XDG_RUNTIME_DIR"))
    return root / made.primary.rpartition("-")[2]


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
def pgbouncer(platform: Platform, made: Made, mode: str) -> Iterator[ConnectionParameters]:
    """PgBouncer in front of the same compute, in that mode, with the platform's own certificate."""
    folder = Path(tempfile.mkdtemp(prefix="dormouse-bench-"))
    account = server_account()
    layout = Layout(platform.home)
    socket = socket_folder(platform, made)
    for name in ("server.pem", "server.key"):
        shutil.copy(layout.tls / name, folder / name)
    port = free_port()
    ours = ConnectionParameters.from_url(made.url)
    (folder / "users.txt").write_text(f'"{ours.role}" "{ours.password}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={socket} port=5432\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\n"
        f"unix_socket_dir=\nauth_type=scram-sha-256\nauth_file={folder}/users.txt\npool_mode={mode}\n"
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
