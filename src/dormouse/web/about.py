"""What the platform's settings are, as far as pages tell of them."""

from dataclasses import dataclass

__all__ = ["About"]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Given by whoever puts the platform together."""

    ca_path: str = ""
    """The file of the authority that vouches for the proxy's certificate; empty if that is not known."""
    bind: str = "127.0.0.1"
    """The address that is listened on."""

    @property
    def exposed(self) -> str:
        """The address, if others than this machine reach it; else empty."""
        return "" if self.bind in ("localhost", "::1") or self.bind.startswith("127.") else self.bind
