"""`/` and `/health`: what one gets without a key."""

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from dormouse.web.local import health
from dormouse.web.security import API_ROOT

__all__ = ["routes"]

_PAGE: Final = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Dormouse</title>
<style>
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 36rem; margin: 4rem auto; padding: 0 1rem }}
</style>
<h1>Dormouse</h1>
<p>This is a Dormouse platform: serverless Postgres on this machine.</p>
<p>Its API, in the shapes of Neon's, is at <code>{API_ROOT}</code> and asks for a key. A console for the browser is
to come; on the command line, <code>dormouse status</code> shows what runs, and <code>dormouse env</code> how to
connect.</p>
</html>
"""

# The page's own style, and nothing else from anywhere.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


def routes() -> list[Route]:
    """At the server's root."""
    return [Route("/", _page), Route("/health", health)]


async def _page(_request: Request) -> Response:
    return HTMLResponse(_PAGE, headers={"content-security-policy": _POLICY})
