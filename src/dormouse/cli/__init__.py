"""The command `dormouse`."""

from dormouse.cli.main import main

__all__ = ["main"]
