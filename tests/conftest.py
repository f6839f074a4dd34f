"""Fixtures by subject."""

import sys
from pathlib import Path

# Test modules are imported by path (importmode importlib), so what they share is imported by name from here.
sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["fix_platform", "fix_clients"]
