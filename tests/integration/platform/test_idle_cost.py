"""What an awake compute that does nothing costs: the platform's own connection is closed after some seconds."""

import psutil
from fix_platform import Made, Platform, rows, wait_until


def backends(platform: Platform, made: Made) -> list[psutil.Process]:
    """Those of `cloud_admin` at the primary, as their titles say."""
    title = f"postgres: {made.primary}: cloud_admin"
    return [
        each for each in psutil.process_iter(["cmdline"]) if " ".join(each.info["cmdline"] or ()).startswith(title)
    ]


def test_the_platforms_own_connection_is_closed_when_idle_and_opened_again(platform: Platform) -> None:
    made = platform.create()
    rows(made.url)
    assert len(backends(platform, made)) == 1

    wait_until(lambda: not backends(platform, made), "the platform's connection is closed", 10)

    assert rows(made.url) == [(1,)]
    assert len(backends(platform, made)) == 1
    platform.put_to_sleep(made)
