"""What the platform's settings are, as far as pages tell of them."""

from dataclasses import dataclass

__all__ = ["About"]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Given by whoever puts the platform together."""

    ca_path: str = ""
    """The file of the authority that vouches for the proxy's certificate; empty if that is not known."""
    operations: str = "immediate"
    """When operations are said to have ended: `immediate`, `timed` or `manual`."""
