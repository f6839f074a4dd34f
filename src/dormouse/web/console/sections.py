"""All sections of the console, in the order of the navigation. A new one is a module with a `SECTION`, and a line.

What a section needs of the rest is in `visit`: its pages are functions from a `Visit` to a response. Its templates
lie below `templates/` in a folder of its name, and extend `base.html`; what they are made of is in `macros.html`.
"""

from typing import Final

from dormouse.web.console import (
    branches,
    computes,
    connect,
    databases,
    keys,
    operations,
    project_settings,
    projects,
    roles,
    schema_diff,
    sql,
    tables,
)
from dormouse.web.console.visit import Section

__all__ = ["SECTIONS"]

SECTIONS: Final[tuple[Section, ...]] = (
    projects.SECTION,
    keys.SECTION,
    connect.SECTION,
    branches.SECTION,
    computes.SECTION,
    sql.SECTION,
    tables.SECTION,
    schema_diff.SECTION,
    roles.SECTION,
    databases.SECTION,
    operations.SECTION,
    project_settings.SECTION,
)
