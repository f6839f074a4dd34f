import pytest

from dormouse.errors import UserError
from dormouse.proxy.limits import Limits


def test_what_is_not_said_has_its_default() -> None:
    assert Limits.from_texts({}) == Limits()


def test_what_is_said_counts() -> None:
    given = Limits.from_texts({"CONNECTIONS": "50", "HANDSHAKE_S": "0.5"})

    assert given == Limits(connections=50, handshake_s=0.5)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("CONNECTIONS", "many", "DORMOUSE_LIMIT_CONNECTIONS is 'many'; expected a whole number above 0"),
        ("CONNECTIONS", "1.5", "is '1.5'; expected a whole number above 0"),
        ("CONNECTIONS", "0", "is '0'; expected a whole number above 0"),
        ("WAKE_S", "nan", "DORMOUSE_LIMIT_WAKE_S is 'nan'; expected a number of seconds above 0"),
        ("WAKE_S", "inf", "expected a number of seconds above 0"),
        ("SPEED", "1", "DORMOUSE_LIMIT_SPEED is no limit; expected DORMOUSE_LIMIT_ and one of STARTUP_PACKET, "),
    ],
)
def test_what_cannot_be_is_refused_and_named(name: str, text: str, told: str) -> None:
    with pytest.raises(UserError) as raised:
        Limits.from_texts({name: text})

    assert told in str(raised.value)
