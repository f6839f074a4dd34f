"""`manage.py dbdoctor [alias] [--json]`: what the project's databases look like from here."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from django_dormouse.diagnosis import Diagnosis, Server, examine
from django_dormouse.hosts import endpoint_of

__all__ = ["Command"]


class Command(BaseCommand):
    """Connects to each database, or to one, and says what it finds. Exit 1 if one does not answer."""

    help = "Shows driver, server, encryption, role, latency and what to do. Prints no password, writes nothing."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One alias, or all."""
        parser.add_argument("alias", nargs="?", help="One alias of DATABASES; all of them if left out.")
        parser.add_argument("--json", action="store_true", help="For programs: a list of objects.")

    def handle(self, *_: Any, alias: str | None, json: bool, **__: Any) -> None:
        """Examine and print."""
        if alias is not None and alias not in connections.settings:
            known = ", ".join(connections.settings)
            raise CommandError(f"There is no database {alias!r} in DATABASES; there is: {known}.")
        found = [examine(connections[name]) for name in ([alias] if alias else connections.settings)]
        self.stdout.write(_as_json(found) if json else "\n\n".join(_as_text(diagnosis) for diagnosis in found))
        silent = [diagnosis.alias for diagnosis in found if diagnosis.server is None]
        if silent:
            raise CommandError(f"No answer from: {', '.join(silent)}.")


def _as_json(found: list[Diagnosis]) -> str:
    return json.dumps([asdict(diagnosis) for diagnosis in found], indent=2)


def _as_text(diagnosis: Diagnosis) -> str:
    libpq = f"{diagnosis.libpq_version // 10000}.{diagnosis.libpq_version % 10000}"
    name = "sends the server's name in TLS" if diagnosis.sends_server_name else "sends no server name in TLS"
    lines = [
        ("where", f"{diagnosis.host or 'local socket'} port {diagnosis.port or 'default'}"),
        ("database", diagnosis.database),
        ("way", "through a pooler" if diagnosis.pooled else "direct"),
        ("driver", f"{diagnosis.driver} {diagnosis.driver_version}, libpq {libpq}, {name}"),
    ]
    server = diagnosis.server
    if server is None:
        lines.append(("error", diagnosis.error or ""))
    else:
        lines += [
            ("server", f"Postgres {server.version}, {_part(server)}"),
            ("role", f"{server.user}; it may {', '.join(server.rights) or 'read and write what it was given'}"),
            ("TLS", f"yes; {diagnosis.verified}" if server.tls else "no"),
            ("connect", _connect(diagnosis.host, server)),
            ("round trip", f"{server.round_trip_ms} ms"),
            ("limit", _limit(server)),
        ]
    lines += [
        (
            "" if number else "findings",
            " ".join(filter(None, (finding.text, finding.hint, finding.id and f"({finding.id})"))),
        )
        for number, finding in enumerate(diagnosis.findings)
    ]
    return "\n".join([diagnosis.alias, *(f"  {label:<11}{text}".rstrip() for label, text in lines)])


def _part(server: Server) -> str:
    if not server.in_recovery:
        return "primary"
    age = "" if server.lag_s is None else f" (last transaction {server.lag_s:.1f} s old)"
    if server.behind_bytes is not None:
        if server.behind_bytes == 0:
            return "read replica, has all that its primary has"
        return f"read replica, {server.behind_bytes} bytes behind its primary{age}"
    if not server.lag_bytes:
        return "read replica, has replayed all that it received"
    return f"read replica, {server.lag_bytes} bytes behind{age}"


def _connect(host: str, server: Server) -> str:
    if endpoint_of(host) is None:
        return f"{server.connect_ms} ms, again {server.reconnect_ms} ms"
    return f"{server.connect_ms} ms, with the wake if it slept; awake {server.reconnect_ms} ms"


def _limit(server: Server) -> str:
    usable = server.max_connections - server.reserved
    if server.wanted_connections is None:
        return f"{usable} connections, shared by the pooler"
    return f"{usable} connections; this project may open {server.wanted_connections}"
