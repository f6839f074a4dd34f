import asyncio

import pytest
from starlette.requests import Request

from dormouse.errors import Invalid, RequestError
from dormouse.web.console.hanging_up import while_wanted


class Browser:
    """Waits for an answer until it hangs up."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.request = Request({"type": "http"}, self._receive)

    async def _receive(self) -> dict[str, object]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def test_gives_what_the_work_gives() -> None:
    async def work() -> int:
        return 42

    assert await while_wanted(Browser().request, work()) == 42


async def test_raises_what_the_work_raises() -> None:
    async def work() -> int:
        raise Invalid("no")

    with pytest.raises(Invalid):
        await while_wanted(Browser().request, work())


async def test_work_that_nobody_waits_for_is_cancelled_and_has_ended() -> None:
    browser, ended = Browser(), asyncio.Event()

    async def work() -> None:
        browser.gone.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    with pytest.raises(RequestError, match="hung up"):
        await while_wanted(browser.request, work())

    assert ended.is_set()


async def test_work_is_cancelled_with_its_caller() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.ensure_future(while_wanted(Browser().request, work()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert waiting.cancelled() and ended.is_set()
