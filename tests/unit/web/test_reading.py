from typing import Any

import pytest
from pydantic import BaseModel
from starlette.requests import Request

from dormouse.errors import Invalid
from dormouse.web import reading
from dormouse.web.errors import TooLarge


def asking(
    query: str = "", *, path: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
            "path_params": path or {},
        }
    )


def sending(*chunks: bytes, headers: dict[str, str] | None = None) -> Request:
    request = asking(headers=headers)
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": at < len(chunks) - 1}
        for at, chunk in enumerate(chunks)
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return Request(request.scope, receive)


class Box(BaseModel):
    size: int = 0


class Label(BaseModel):
    text: str = "none"


@pytest.mark.parametrize(
    ("query", "text"), [("", "none"), ("text=", "none"), ("text=a%20b&more=1", "a b"), ("text=a&text=b", "b")]
)
def test_whole_query(query: str, text: str) -> None:
    assert reading.query_of(asking(query), Label) == Label(text=text)


def test_whole_query_that_does_not_fit() -> None:
    with pytest.raises(Invalid, match=r"^invalid request: decode query: invalid: size ") as caught:
        reading.query_of(asking("size=secret"), Box)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("segment", "name"),
    [("anna", "anna"), ("Anna%20O%27Neil", "Anna O'Neil"), ("a%2Fb", "a/b"), ("%E2%98%83", "☃"), ("%2e%2e", "..")],
)
def test_names_in_the_path(segment: str, name: str) -> None:
    assert reading.name_in_path(asking(path={"role_name": segment}), "role_name") == name


def test_name_in_the_path_that_is_no_text() -> None:
    with pytest.raises(Invalid, match="not UTF-8"):
        reading.name_in_path(asking(path={"role_name": "%FF"}), "role_name")


@pytest.mark.parametrize(("query", "value"), [("", None), ("n=1", 1), ("n=400", 400), ("n=007", 7)])
def test_integers(query: str, value: int | None) -> None:
    assert reading.integer(asking(query), "n", least=1, most=400) == value


@pytest.mark.parametrize("query", ["n=", "n=0", "n=401", "n=-1", "n=1.0", "n=x", "n=%D9%A3", "n=" + "9" * 99])
def test_integers_that_are_none(query: str) -> None:
    with pytest.raises(Invalid, match="n "):
        reading.integer(asking(query), "n", least=1, most=400)


@pytest.mark.parametrize(
    ("query", "value"), [("", False), ("p=true", True), ("p=True", True), ("p=False", False), ("p=1", True)]
)
def test_flags(query: str, value: bool) -> None:
    assert reading.flag(asking(query), "p") is value


@pytest.mark.parametrize("query", ["p=", "p=yes", "p=2"])
def test_flags_that_are_none(query: str) -> None:
    with pytest.raises(Invalid, match="true or false"):
        reading.flag(asking(query), "p")


@pytest.mark.parametrize(("query", "value"), [("", "b"), ("c=a", "a"), ("c=A", "a")])
def test_choices(query: str, value: str) -> None:
    assert reading.choice(asking(query), "c", ("a", "b"), "b") == value


@pytest.mark.parametrize("query", ["", "r="])
def test_required_parameters(query: str) -> None:
    with pytest.raises(Invalid, match="field required"):
        reading.required(asking(query), "r")


@pytest.mark.parametrize("chunks", [(b'{"size": 3}',), (b'{"si', b'ze"', b": 3}"), (b'{"size": 3}', b"")])
async def test_bodies_in_any_pieces(chunks: tuple[bytes, ...]) -> None:
    assert (await reading.body_of(sending(*chunks), Box)).size == 3


async def test_absent_body_is_an_empty_object() -> None:
    assert (await reading.body_of(sending(b""), Box)).size == 0


async def test_body_that_says_it_is_too_large_is_not_read() -> None:
    with pytest.raises(TooLarge):
        await reading.body_of(sending(headers={"content-length": str(reading.MAX_BODY_BYTES + 1)}), Box)


async def test_body_that_grows_too_large() -> None:
    with pytest.raises(TooLarge):
        await reading.body_of(sending(*[b" " * 100_000] * 11), Box)


async def test_largest_body_is_read() -> None:
    content = b'{"size": 3}'.ljust(reading.MAX_BODY_BYTES)

    assert (await reading.body_of(sending(content), Box)).size == 3


async def test_every_wrong_place_is_named() -> None:
    class Two(BaseModel):
        a: Box
        b: int

    with pytest.raises(Invalid) as caught:
        await reading.body_of(sending(b'{"a": {"size": "x"}}'), Two)

    assert caught.value.message.startswith(
        "invalid request: decode application/json: invalid: a.size (input should be a valid integer"
    )
    assert caught.value.message.endswith(", b (field required)")
