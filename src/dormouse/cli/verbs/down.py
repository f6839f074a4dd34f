"""`dormouse down`"""

import time

from dormouse.cli import background
from dormouse.cli.output import fails_politely, say
from dormouse.cli.settings import settings_with
from dormouse.storage.layout import Layout

__all__ = ["down"]


@fails_politely
def down() -> None:
    """Stop the platform; every compute goes to sleep in order.

    Example: dormouse down
    """
    settings = settings_with()
    began = time.monotonic()
    if background.stop(Layout(settings.home)):
        say(f"the platform is down after {time.monotonic() - began:.2f} s")
    else:
        say(f"no platform runs in {settings.home}")
