"""The `pg_settings` of the API, and what the project's Postgres takes: checked when given, kept to at a start."""

import asyncio
from collections.abc import Mapping

from dormouse.compute.binaries import Postgres, choose
from dormouse.compute.guc import Parameter, acceptable, refusal
from dormouse.compute.parameters import complaint, describe
from dormouse.control.machine import Machine
from dormouse.errors import Invalid

__all__ = ["Parameters"]


class Parameters:
    """Of the Postgres of this machine, each asked once."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._known: dict[str, Mapping[str, Parameter]] = {}

    async def check(self, major: int | None, settings: Mapping[str, str]) -> None:
        """Raises Invalid, naming the parameter and what is wrong with it; ComputeError, PostgresNotFound."""
        if not settings:
            return
        postgres = choose(self._machine.installed, major)
        known = await self._of(postgres)
        for name, value in settings.items():
            if (reason := refusal(name, value, known, postgres.extensions)) is not None:
                raise Invalid(f"pg_settings: {reason}")
        wrong = await asyncio.to_thread(complaint, postgres, self._machine.account, settings)
        if wrong is not None:
            raise Invalid(f"pg_settings: {wrong}")

    async def applied(self, postgres: Postgres, settings: Mapping[str, str]) -> dict[str, str]:
        """What a server is started with. What an older release kept unchecked, and may not be set, is left out."""
        return acceptable(settings, await self._of(postgres), postgres.extensions) if settings else {}

    async def _of(self, postgres: Postgres) -> Mapping[str, Parameter]:
        if postgres.key not in self._known:
            self._known[postgres.key] = await asyncio.to_thread(describe, postgres, self._machine.account)
        return self._known[postgres.key]
