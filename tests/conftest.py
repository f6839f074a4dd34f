"""Fixtures by subject."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Test modules are imported by path (importmode importlib), so what they share is imported by name from here.
sys.path.insert(0, str(Path(__file__).parent))

from fix_folder import in_memory, remove

# Before anybody asks for a temporary folder, as pytest does when it begins to capture output.
_HOMES = in_memory()

# An example takes a millisecond, and on a busy machine now and then two hundred; making them up takes as it likes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

pytest_plugins = ["fix_platform", "fix_clients", "fix_servers", "fix_disk", "fix_console"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", default="8", metavar="SECONDS", help="how long clients are let loose at a time")
    parser.addoption("--seed", default="7", help="where the chance of tests/soak begins")


def pytest_unconfigure() -> None:
    if _HOMES is not None:
        remove(_HOMES)
