import itertools
from collections.abc import Iterator

import pytest

from dormouse.web.console.doors import IDLE_S, LINK_S, Doors, Flash, Session


@pytest.fixture
def doors() -> Doors:
    secrets: Iterator[int] = itertools.count(1)
    return Doors(lambda: f"secret-{next(secrets)}")


def test_a_link_opens_a_session(doors: Doors) -> None:
    secret = doors.redeem(doors.issue(0), 1)

    assert secret is not None
    assert doors.find(secret, 2) is not None


def test_a_link_opens_one_session_alone(doors: Doors) -> None:
    link = doors.issue(0)
    doors.redeem(link, 1)

    assert doors.redeem(link, 1) is None


@pytest.mark.parametrize(("later_s", "opens"), [(0, True), (LINK_S - 1, True), (LINK_S, False)])
def test_a_link_has_its_time(doors: Doors, later_s: float, opens: bool) -> None:
    link = doors.issue(100)

    assert (doors.redeem(link, 100 + later_s) is not None) is opens


@pytest.mark.parametrize("guess", ["", "secret-2", "secret", "ü", "\udcff"])
def test_a_guess_opens_nothing(doors: Doors, guess: str) -> None:
    secret = doors.redeem(doors.issue(0), 0)

    assert doors.redeem(guess, 0) is None
    assert guess == secret or doors.find(guess, 0) is None


def test_a_link_is_no_session_and_a_session_no_link(doors: Doors) -> None:
    link = doors.issue(0)
    assert doors.find(link, 0) is None
    secret = doors.redeem(link, 0)

    assert secret is not None
    assert doors.redeem(secret, 0) is None


def test_a_session_lives_as_long_as_it_is_used(doors: Doors) -> None:
    secret = doors.redeem(doors.issue(0), 0) or ""

    assert doors.find(secret, IDLE_S - 1) is not None
    assert doors.find(secret, 2 * IDLE_S - 2) is not None
    assert doors.find(secret, 3 * IDLE_S - 2) is None


def test_who_leaves_is_out_and_others_stay(doors: Doors) -> None:
    one, other = (doors.redeem(doors.issue(0), 0) or "" for _ in range(2))
    doors.leave(one)
    doors.leave(one)

    assert doors.find(one, 0) is None
    assert doors.find(other, 0) is not None


def test_sessions_have_forms_of_their_own(doors: Doors) -> None:
    one, other = (doors.find(doors.redeem(doors.issue(0), 0) or "", 0) for _ in range(2))

    assert one is not None
    assert other is not None
    assert one.is_ours(one.csrf)
    assert not one.is_ours(other.csrf)
    assert not one.is_ours("")
    assert not one.is_ours("\udcff")


def test_neither_links_nor_sessions_pile_up(doors: Doors) -> None:
    links = [doors.issue(0) for _ in range(50)]

    assert doors.redeem(links[0], 0) is None
    assert doors.redeem(links[-1], 0) is not None
    sessions = [doors.redeem(doors.issue(0), 0) or "" for _ in range(200)]
    assert doors.find(sessions[0], 0) is None
    assert doors.find(sessions[-1], 0) is not None


def test_what_is_said_is_said_once() -> None:
    session = Session(csrf="x", used_at=0, flashes=[Flash(text="Done.")])

    assert session.take_flashes() == (Flash(text="Done."),)
    assert session.take_flashes() == ()


def test_no_secret_is_in_a_representation(doors: Doors) -> None:
    session = doors.find(doors.redeem(doors.issue(0), 0) or "", 0)
    session_text = repr(session) + repr(Flash(text="A key.", secret="napi_hidden"))

    assert session is not None
    assert session.csrf not in session_text
    assert "napi_hidden" not in session_text
