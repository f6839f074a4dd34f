"""`manage.py dbdoctor [alias] [--json]`: what the project's databases look like from here."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from django_dormouse.diagnosis import Diagnosis, examine

__all__ = ["Command"]


class Command(BaseCommand):
    """Connects to each database, or to one, and says what it finds. Exit 1 if one does not answer."""

    help = "Shows driver, server, encryption, role and latency of each database. Prints no password."
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
        ("driver", f"{diagnosis.driver}, libpq {libpq}, {name}"),
    ]
    server = diagnosis.server
    if server is None:
        lines.append(("error", diagnosis.error or ""))
    else:
        lines += [
            ("server", f"Postgres {server.version}, {'read replica' if server.in_recovery else 'primary'}"),
            ("role", server.user),
            ("TLS", "yes" if server.tls else "no"),
            ("connect", f"{server.connect_ms} ms"),
            ("round trip", f"{server.round_trip_ms} ms"),
        ]
    return "\n".join([diagnosis.alias, *(f"  {label:<11}{text}" for label, text in lines)])
