"""Keys of the API beside the home's own. A key is shown once; what is kept is its SHA-256."""

import hashlib
import hmac
import secrets

from dormouse.control.model import ApiKey, whole_second
from dormouse.control.workshop import Workshop
from dormouse.errors import NotFound

__all__ = ["ApiKeys"]


class ApiKeys:
    """See `plane.ApiKeys`."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._catalog = workshop.catalog

    async def all(self) -> list[ApiKey]:
        """Oldest first."""
        return list(self._catalog.api_keys.values())

    async def create(self, name: str) -> tuple[ApiKey, str]:
        """A new key and its text, which nobody can see again."""
        text = f"napi_{secrets.token_urlsafe(32)}"
        made = ApiKey(
            id=max(self._catalog.api_keys, default=0) + 1,
            name=name,
            digest=_digest(text),
            created_at=whole_second(self._shop.machine.now()),
        )
        await self._catalog.put(made)
        return made, text

    async def revoke(self, key: int) -> ApiKey:
        """It opens nothing any more."""
        found = self._catalog.api_keys.get(key)
        if found is None:
            raise NotFound("api key not found")
        await self._catalog.delete(found)
        return found

    def opens(self, text: str) -> bool:
        """Whether `text` is a key that was made here and not revoked."""
        digest = _digest(text)
        return any(hmac.compare_digest(digest, key.digest) for key in self._catalog.api_keys.values())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
