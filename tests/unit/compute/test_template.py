from pathlib import Path

from dormouse.compute.binaries import Postgres
from dormouse.compute.template import template_key


def test_templates_of_two_installations_of_one_version_are_two() -> None:
    bundled = Postgres(bin=Path("/a"), version="18.4", source="bundled")
    system = Postgres(bin=Path("/b"), version="18.4", source="system")

    assert template_key(bundled).startswith("18.4-bundled-r")
    assert template_key(bundled) != template_key(system)
