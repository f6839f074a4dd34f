"""System checks."""


def register() -> None:
    """Register them."""
