import pytest

from dormouse.errors import Invalid
from dormouse.web.console.forms import Form, checked, parse_form
from dormouse.web.requests import ProjectCreateBody


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (b"", {}),
        (b"a=1&b=", {"a": "1", "b": ""}),
        (b"a=%C3%BC+b", {"a": "ü b"}),
        (b"a=1&a=2", {"a": "2"}),
        (b"q=SELECT+1%0D%0A", {"q": "SELECT 1\n"}),
    ],
)
def test_a_form_is_read(content: bytes, fields: dict[str, str]) -> None:
    form = parse_form(content)

    assert {name: form.raw(name) for name in form} == fields


@pytest.mark.parametrize("content", [b"a=%ff", "ü=1".encode(), b"&".join([b"a=1"] * 1001)])
def test_what_is_no_form_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        parse_form(content)


def test_fields() -> None:
    form = Form({"name": " a ", "empty": " ", "box": "yes", "n": "7", "x": "0.5"})

    assert (form["name"], form.raw("name"), form["absent"]) == ("a", " a ", "")
    assert (form.given("name"), form.given("empty"), form.given("absent")) == ("a", None, None)
    assert (form.ticked("box"), form.ticked("absent")) == (True, False)
    assert (form.number("n"), form.number("x", float), form.number("empty")) == (7, 0.5, None)


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(Invalid, match="max cu: 'many' is not a whole number"):
        Form({"max_cu": "many"}).number("max_cu")


def test_what_the_api_would_refuse_is_refused_with_its_field() -> None:
    with pytest.raises(Invalid, match="database name: holds a control character"):
        checked(ProjectCreateBody, {"project": {"branch": {"database_name": 'a"; DROP'}}})


def test_a_complaint_does_not_repeat_what_was_typed() -> None:
    with pytest.raises(Invalid) as refused:
        checked(ProjectCreateBody, {"project": {"branch": {"role_name": "hunter2" * 20}}})

    assert "hunter2" not in refused.value.message
