"""Spoilt openings, by the thousand: a refusal or a wait, never an exception. A million come in `make soak`."""

import pytest
from hypothesis import event, given, settings, target
from hypothesis import strategies as st

from dormouse.proxy.session import State
from fix_openings import Opening, Spoil, World, openings, play_many

parts = st.floats(0, 1, exclude_max=True)
spoils = st.builds(
    Spoil,
    turn=st.integers(1, 6),
    cut_at=st.one_of(st.just(1.0), parts),
    flips=st.lists(parts, max_size=6).map(tuple),
    tail=st.binary(max_size=40),
)


@pytest.mark.parametrize("way", range(len(openings())))
def test_an_opening_that_is_not_spoilt_ends_where_it_should(way: int) -> None:
    opening = openings()[way]

    end = World(opening).play()

    assert end is (State.RELAYING if way < 5 else State.CLOSED)


@given(opening=st.sampled_from(range(len(openings()))).map(lambda way: openings()[way]), spoil=spoils)
@settings(max_examples=400)
def test_a_spoilt_opening_is_refused_or_waited_for(opening: Opening, spoil: Spoil) -> None:
    """`pytest --hypothesis-show-statistics` tells how often each state was reached."""
    opening.spoil = spoil
    world = World(opening)

    end = world.play()

    for state in world.states:
        event(f"reached {state.name}")
    target(float(len(world.states)))
    assert not world.located or world.states & {State.SASL_FINAL, State.CHECKING}
    assert end not in (State.SECURING, State.LOOKING_UP, State.CHECKING, State.LOCATING, State.CONNECTING)


def test_thousands_reach_every_state() -> None:
    ends, reached = play_many(4000, "openings")

    assert set(reached) == set(State)
    assert ends[State.RELAYING] > 0, "some are spoilt where it does not matter"
    assert ends[State.CLOSED] > 1000
