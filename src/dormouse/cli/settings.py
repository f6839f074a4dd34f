"""The platform's settings, from the environment and the options of a verb."""

import os
from dataclasses import replace

from dormouse.config import Settings

__all__ = ["settings_with"]


def settings_with(pg_port: int | None = None, http_port: int | None = None) -> Settings:
    """An option wins over `DORMOUSE_*`. Raises UserError for a malformed variable."""
    settings = Settings.from_environment(os.environ)
    if pg_port is not None:
        settings = replace(settings, pg_port=pg_port)
    if http_port is not None:
        settings = replace(settings, http_port=http_port)
    return settings
