"""The platform put together: one process, one event loop, one group of tasks.

Order of starting: home, lock, leftovers, records, proxy, HTTP, and last the file that says so; of stopping:
the other way round. Nothing below this module reads the environment.
"""

import asyncio
import contextlib
import logging
import os
import random
import resource
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Final

import uvicorn

from dormouse.api.local import FaultInForce, FaultRequest, FaultsInForce
from dormouse.compute.account import server_account
from dormouse.compute.binaries import find_installed
from dormouse.compute.leftovers import stop_leftovers
from dormouse.compute.pooler import INSTALL_HINT
from dormouse.compute.relocation import relocate
from dormouse.config import Settings
from dormouse.control.catalog import Catalog
from dormouse.control.computes import SpawnTask
from dormouse.control.gate import Gate
from dormouse.control.historian import Historian
from dormouse.control.log_keeper import LogKeeper
from dormouse.control.machine import Machine
from dormouse.control.rules import Quotas
from dormouse.control.service import Service
from dormouse.control.sweeper import Sweeper
from dormouse.control.visits import Visits
from dormouse.control.watcher import IdleWatcher
from dormouse.errors import PoolerMissing, PortTaken
from dormouse.home import (
    PlatformFile,
    api_key_of,
    locked,
    prepare_home,
    socket_root,
    sweep,
    write_platform_file,
)
from dormouse.local import LocalPlatform
from dormouse.metrics import Traffic
from dormouse.names import BranchId, EndpointId
from dormouse.proxy.certificates import prepare_certificates
from dormouse.proxy.directory import Activity, Address
from dormouse.proxy.faults import Fault, Faults
from dormouse.proxy.limits import Limits
from dormouse.proxy.listener import Listener
from dormouse.storage.choosing import choose_driver
from dormouse.storage.layout import Layout
from dormouse.web.about import About
from dormouse.web.app import create_app

__all__ = ["platform", "run_until_signalled"]

logger = logging.getLogger("dormouse")

_WILDCARDS: Final = MappingProxyType({"0.0.0.0": "127.0.0.1", "::": "::1"})
"""Addresses that mean all of this machine's, and one that leads there."""

_FILES: Final = 1024
"""For everything but connections: the records, servers' sockets, HTTP."""


async def run_until_signalled(settings: Settings, announce: Callable[[PlatformFile], None]) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP. Raises UserError when it cannot."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with platform(settings) as there:
        announce(there)
        await stop.wait()
        logger.info("stopping", extra={"action": "platform_stopping"})


@asynccontextmanager
async def platform(settings: Settings) -> AsyncIterator[PlatformFile]:
    """A serving platform for the length of a block; afterwards every compute is asleep."""
    _drop_libpq_variables()
    limits = Limits.from_texts(settings.limits)
    _raise_file_limit(_FILES + 2 * (limits.connections + limits.unauthenticated))
    layout = Layout(settings.home)
    account = server_account()
    prepare_home(layout, account)
    with locked(layout):
        sockets = socket_root(layout, account, os.environ.get("XDG_RUNTIME_DIR"))
        await asyncio.to_thread(stop_leftovers, layout, sockets)
        sweep(layout, sockets)
        installed = tuple(
            postgres if postgres.enterable else relocate(postgres, layout.postgres, layout.building)
            for postgres in find_installed(settings.pg_bin, os.environ, account)
        )
        # In a folder that the next start sweeps, should this one be killed meanwhile.
        storage = await asyncio.to_thread(choose_driver, layout.building, settings.storage)
        logger.info(
            "chose a way to clone",
            extra={"action": "storage_chosen", "driver": storage.driver.name, "reason": storage.reason},
        )
        machine = Machine(
            layout=layout,
            installed=installed,
            account=account,
            driver=storage.driver,
            sockets=sockets,
            chance=random.SystemRandom(),
            now=lambda: datetime.now(UTC),
            pgbouncer=settings.pgbouncer,
        )
        catalog = Catalog.open(layout.catalog)
        try:
            async with (
                _background() as spawn_task,
                _serving(settings, limits, machine, catalog, spawn_task) as there,
            ):
                yield there
        finally:
            await catalog.close()
            shutil.rmtree(machine.sockets, ignore_errors=True)


@asynccontextmanager
async def _serving(
    settings: Settings, limits: Limits, machine: Machine, catalog: Catalog, spawn_task: SpawnTask
) -> AsyncIterator[PlatformFile]:
    layout = machine.layout
    http_socket = _bind(settings.bind, settings.http_port)
    service = Service(
        catalog,
        machine,
        host_suffix=settings.host_suffix,
        host_address=_address_for(settings),
        spawn_task=spawn_task,
        quotas=Quotas(
            projects=settings.max_projects, branches=settings.max_branches, endpoints=settings.max_endpoints
        ),
        profile=settings.operations,
    )
    local = LocalPlatform(settings, machine, catalog, service)
    local.http_port = http_socket.getsockname()[1]
    gate = Gate(service.computes)
    directory = _Directory(gate, service.visits(gate), refuses_unpooled=settings.pooler == "required")

    def last_activity(endpoint: EndpointId) -> float:
        """Of clients, and of the console's statements."""
        return max(directory.last_activity(endpoint), service.statements.last_use(endpoint))

    certificates = await asyncio.to_thread(
        prepare_certificates,
        layout.tls,
        settings.host_suffix,
        now=machine.now(),
        addresses=() if settings.bind in _WILDCARDS else (settings.bind,),
    )
    listener = Listener(
        directory,
        certificates,
        bind=settings.bind,
        port=settings.pg_port,
        host_suffix=settings.host_suffix,
        errors=settings.errors,
        limits=limits,
    )
    bench = _FaultBench(directory.faults, listener)
    local.traffic = lambda: _traffic(directory, listener)
    local.set_fault, local.faults_in_force = bench.set, bench.in_force
    app = create_app(
        service,
        api_key=api_key_of(layout),
        local=local,
        host_suffix=settings.host_suffix,
        bind=settings.bind,
        about=About(ca_path=str(certificates.ca_path), bind=settings.bind),
    )
    async with AsyncExitStack() as stack:
        stack.callback(http_socket.close)
        stack.push_async_callback(service.close)
        await service.recover()
        with _port_option("--pg-port or DORMOUSE_PG_PORT"):
            await stack.enter_async_context(listener)
        service.connections.port = listener.port
        await stack.enter_async_context(_http(app, http_socket))
        historian = Historian(
            catalog,
            machine,
            service.computes,
            service.rewinder,
            last_activity,
            most_bytes=settings.history_bytes,
        )
        watcher = IdleWatcher(service.computes, last_activity)
        logs = LogKeeper(service.computes, layout.log)
        for forever in (watcher, Sweeper(service, catalog), historian, logs):
            stack.callback(spawn_task(forever.run()).cancel)
        service.prepare_spare()
        there = PlatformFile(
            pid=os.getpid(),
            started_at=machine.now().isoformat(timespec="seconds"),
            version=version("django-dormouse"),
            http_url=f"http://{_in_url(_reachable(settings.bind))}:{local.http_port}",
            pg_host=_reachable(settings.bind),
            pg_port=listener.port,
        )
        write_platform_file(layout, there)
        stack.callback(layout.platform_json.unlink, missing_ok=True)
        yield there


@asynccontextmanager
async def _background() -> AsyncIterator[SpawnTask]:
    """A parent for the platform's tasks. One that fails is logged and takes nobody with it.

    What still runs at the end is waited for: by then computes are asleep, so that it is short.
    """
    async with asyncio.TaskGroup() as group:

        async def survive(work: Coroutine[Any, Any, None]) -> None:
            try:
                await work
            except Exception:
                logger.exception("a background task failed", extra={"action": "task_failed"})

        yield lambda work: group.create_task(survive(work))


@asynccontextmanager
async def _http(app: Any, listening: socket.socket) -> AsyncIterator[None]:
    """Uvicorn on a socket that is bound already, in a task of this block."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = _Uvicorn(config)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(sockets=[listening]))
        while not server.started and not serving.done():  # noqa: ASYNC110 - it has no event for that
            await asyncio.sleep(0.002)
        try:
            yield
        finally:
            server.should_exit = True


class _Uvicorn(uvicorn.Server):
    """Signals are the platform's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


class _Directory:
    """The control plane as the proxy sees it."""

    def __init__(self, gate: Gate, visits: Visits, *, refuses_unpooled: bool) -> None:
        self._gate = gate
        self._refuses_unpooled = refuses_unpooled
        self._visits = visits
        self.faults = Faults(asyncio.get_running_loop().time)
        self.activities: dict[EndpointId, Activity] = {}

    async def verifier(self, endpoint: EndpointId, role: str) -> str | None:
        return await self._gate.verifier(endpoint, role)

    def compute_of(self, branch: str, kind: str) -> EndpointId | None:
        return self._gate.compute_of(BranchId(branch), kind)

    async def locate(
        self, endpoint: EndpointId, *, role: str, verifier: str, database: str, pooled: bool, moment: str
    ) -> Address:
        # A connect is activity, so that a compute does not fall asleep between its wake and the first query.
        self.activity(endpoint).last = asyncio.get_running_loop().time()
        if moment:
            branch = BranchId(endpoint)
            return Address(socket_path=await self._visits.locate(branch, moment, role=role, verifier=verifier))
        socket_path, was_asleep = await self._gate.locate(endpoint)
        confirm = partial(self._gate.confirm, endpoint, role=role, verifier=verifier) if was_asleep else None
        if not pooled:
            return Address(socket_path=socket_path, confirm=confirm)
        if confirm is not None:
            await confirm()
        through_pooler = await self._gate.pooled(endpoint, database)
        if through_pooler is not None:
            return Address(socket_path=through_pooler)
        if self._refuses_unpooled:
            raise PoolerMissing("pooled hosts are not served: this machine has no pooler", INSTALL_HINT)
        return Address(socket_path=socket_path, notice=_UNPOOLED)

    def activity(self, endpoint: EndpointId) -> Activity:
        found = self.activities.get(endpoint)
        if found is None:
            found = self.activities[endpoint] = Activity(asyncio.get_running_loop().time())
        return found

    def fault(self, endpoint: EndpointId) -> Fault | None:
        return self.faults.find(endpoint)

    def last_activity(self, endpoint: EndpointId) -> float:
        return self.activity(endpoint).last


class _FaultBench:
    """What goes wrong on purpose, for the sessions that are open now and for those to come."""

    def __init__(self, faults: Faults, listener: Listener) -> None:
        self._faults = faults
        self._listener = listener

    def set(self, asked: FaultRequest) -> FaultsInForce:
        dropped = 0
        endpoint = asked.endpoint
        if asked.kind == "clear" or endpoint is None:
            for cleared in self._faults.clear(endpoint):
                self._listener.slow_down(cleared, 0.0)
        elif asked.kind == "delay":
            delay_s = (asked.delay_ms or 0) / 1000
            self._faults.of(endpoint).delay_s = delay_s
            self._listener.slow_down(endpoint, delay_s)
        elif asked.kind == "deny":
            until = asyncio.get_running_loop().time() + (asked.seconds or 0)
            self._faults.of(endpoint).denied_until = until
        elif asked.connections is None:
            dropped = self._listener.drop(endpoint)
        else:
            fault = self._faults.of(endpoint)
            fault.drops, fault.drop_after_bytes = asked.connections, asked.after_bytes or 0
        return FaultsInForce(faults=self.in_force(), dropped=dropped)

    def in_force(self) -> tuple[FaultInForce, ...]:
        now = asyncio.get_running_loop().time()
        return tuple(
            FaultInForce(
                endpoint=endpoint,
                delay_ms=round(fault.delay_s * 1000),
                denied_for_s=round(max(0.0, fault.denied_until - now), 1),
                drops=fault.drops,
                drop_after_bytes=fault.drop_after_bytes,
            )
            for endpoint, fault in self._faults.in_force().items()
        )


def _traffic(directory: _Directory, listener: Listener) -> Traffic:
    activities = directory.activities
    return Traffic(
        open=dict(listener.authenticated),
        unauthenticated=listener.unauthenticated,
        sessions=dict(listener.tally.sessions),
        from_clients={endpoint: activity.from_clients for endpoint, activity in activities.items()},
        to_clients={endpoint: activity.to_clients for endpoint, activity in activities.items()},
        refusals=dict(listener.tally.refusals),
    )


_UNPOOLED: Final = f"this machine has no pooler, so that the connection is direct: {INSTALL_HINT}"


def _drop_libpq_variables() -> None:
    """Our own connections go through libpq too, and `PGHOSTADDR` would send them elsewhere."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


@contextlib.contextmanager
def _port_option(option: str) -> Iterator[None]:
    """Tell with which option another port is chosen."""
    try:
        yield
    except PortTaken as error:
        raise PortTaken(error.message, f"choose another one with {option} (0 takes any free one)") from error


def _raise_file_limit(wanted: int) -> None:
    """Each connection takes two descriptors, and the usual soft limit is 1,024; the hard one is ours to use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with _port_option("--http-port or DORMOUSE_HTTP_PORT"):
        try:
            listening.bind((address, port))
            # Listening, not binding, is what fails for a port that another program listens on.
            listening.listen(128)
        except OSError as error:
            listening.close()
            raise PortTaken(f"port {port} on {address} cannot be listened on: {error.strerror}") from error
    listening.setblocking(False)
    return listening


def _address_for(settings: Settings) -> str | None:
    """What connection strings carry as `hostaddr`: names below localhost do not resolve in plain glibc."""
    if not settings.host_suffix.endswith("localhost"):
        return None
    return _reachable(settings.bind)


def _reachable(bind: str) -> str:
    """An address of this machine that leads to what listens on `bind`."""
    return _WILDCARDS.get(bind, bind)


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
