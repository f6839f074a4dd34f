"""What a form brought, and from that the bodies that the API takes: a page takes nothing that the API forbids.

Pure but for the reading of the request itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from dormouse.errors import Invalid
from dormouse.web import reading

__all__ = ["EMPTY", "Form", "checked", "form_of", "parse_form"]

Model = TypeVar("Model", bound=BaseModel)

_MOST_FIELDS: Final = 1000


class Form(Mapping[str, str]):
    """Fields by name, without the blanks around what was typed; a field that is absent is empty."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = dict(fields)

    def __getitem__(self, name: str) -> str:
        return self._fields.get(name, "").strip()

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def raw(self, name: str) -> str:
        """As it was typed: a statement of SQL, a default's value."""
        return self._fields.get(name, "")

    def given(self, name: str) -> str | None:
        """None for what was left empty."""
        return self[name] or None

    def ticked(self, name: str) -> bool:
        """Whether a box was ticked."""
        return bool(self._fields.get(name))

    def number(self, name: str, kind: type[int] | type[float] = int) -> Any:
        """A number; None for what was left empty. Raises Invalid naming the field."""
        text = self[name]
        if not text:
            return None
        try:
            return kind(text)
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise Invalid(f"{name.replace('_', ' ')}: {text!r} is not {wanted}") from None


EMPTY: Final = Form({})


def parse_form(content: bytes) -> Form:
    """`application/x-www-form-urlencoded`, as browsers send it; of several values of a name the last.

    Raises Invalid.
    """
    try:
        pairs = parse_qsl(
            content.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise Invalid("the form cannot be read; expected application/x-www-form-urlencoded in UTF-8") from None
    # Browsers send line ends of text areas as CR LF.
    return Form({name: value.replace("\r\n", "\n") for name, value in pairs})


async def form_of(request: Request) -> Form:
    """The form in a request's body. Raises Invalid, TooLarge."""
    return parse_form(await reading.content_of(request))


def checked(model: type[Model], given: Mapping[str, Any]) -> Model:
    """What was filled in, as the body that the API would have taken.

    Raises Invalid naming each field that is wrong.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Invalid(_complaint(error)) from None


def _complaint(error: ValidationError) -> str:
    """`name: String should have at least 1 character`. Never what was typed: that may be a password."""
    found = []
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        place = str(each["loc"][-1]).replace("_", " ") if each["loc"] else ""
        said = each["msg"].removeprefix("Value error, ")
        found.append(f"{place}: {said[:1].lower()}{said[1:]}" if place else said)
    return "; ".join(found)
