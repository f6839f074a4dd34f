"""What is known of what runs now."""

import asyncio
import contextvars
import threading

import pytest

from django_dormouse.replicas import at_least, context, using_primary, using_replica, wrote
from django_dormouse.replicas.context import NO_BLOCK, Block, Unit
from django_dormouse.replicas.position import Position, Token


def at(lsn, incarnation="a"):
    return Position(incarnation=incarnation, lsn=lsn)


@pytest.fixture(autouse=True)
def a_fresh_context():
    context.end()
    yield
    context.end()


def test_what_nobody_announced_is_made_at_the_first_look():
    assert not context.current().is_announced
    assert context.current() is context.current()


def test_a_write_stays_in_its_context():
    contextvars.copy_context().run(lambda: (context.begin(Unit()), wrote()))

    assert not context.current().has_written


def test_another_thread_has_a_unit_of_its_own():
    seen = []
    wrote()

    thread = threading.Thread(target=lambda: seen.append(context.current().has_written))
    thread.start()
    thread.join()

    assert seen == [False]


def test_a_task_started_by_a_request_belongs_to_it():
    async def story():
        context.begin(Unit())
        await asyncio.create_task(asyncio.to_thread(wrote))
        return context.current().has_written

    assert asyncio.run(story())


def test_a_unit_keeps_its_turn_and_the_next_takes_the_next():
    first, second = Unit(), Unit()

    assert first.take_turn() == first.take_turn()
    assert second.take_turn() == first.take_turn() + 1


def test_a_commit_covers_what_its_own_connection_wrote():
    unit = Unit()
    unit.note_write(1)
    unit.note_write(2)

    unit.cover(at(10), 1)

    assert unit.uncovered == {2}
    assert unit.needs == at(10)
    assert unit.has_written


def test_an_answer_for_everything_covers_everything():
    unit = Unit(has_seen_primary=True)
    unit.note_write(1)

    unit.cover(at(10))

    assert (unit.uncovered, unit.has_seen_primary) == (set(), False)


def test_of_two_commits_the_further_one_counts_whichever_is_told_last():
    unit = Unit()
    unit.cover(at(10), 1)
    unit.cover(at(9), 2)

    assert unit.needs == at(10)


def test_the_primary_knows_better_than_a_cookie_what_it_is():
    unit = Unit(came_with=Token(needs=at(99, "gone")))
    unit.cover(at(5, "now"))

    assert unit.needs == at(5, "now")


def test_what_is_required_adds_up():
    unit = Unit(came_with=Token(needs=at(5)))
    unit.refused.add("replica")
    unit.require(Token(needs=at(7)))

    assert unit.needs == at(7)
    assert not unit.refused, "what could not answer before is another question now"

    unit.require(Token(needs=at(6)))
    assert unit.needs == at(7)


def test_who_has_seen_two_replicas_reads_from_the_primary():
    unit = Unit(came_with=Token(replica="replica"))
    unit.require(Token(replica="replica2"))

    assert unit.needs is not None
    assert unit.needs.lsn is None


def test_a_replica_that_answered_is_kept_to_until_a_position_says_more():
    unit = Unit(came_with=Token(needs=at(5), replica="replica"))
    assert unit.reads_only_from == "replica"

    unit.cover(at(9))
    assert unit.reads_only_from is None


# Blocks


def test_blocks_nest_and_the_innermost_counts():
    with using_primary():
        with using_replica():
            assert context.block() == Block(from_replica=True)
        assert context.block() == Block(from_primary=True)
    assert context.block() == NO_BLOCK


def test_a_block_ends_when_it_fails():
    with pytest.raises(ZeroDivisionError), using_replica():
        raise ZeroDivisionError
    assert context.block() == NO_BLOCK


def test_a_block_decorates_functions_of_both_kinds():
    block = using_replica()

    @block
    def plain():
        return context.block()

    @block
    async def awaited():
        await asyncio.sleep(0)
        return context.block()

    assert plain() == plain() == asyncio.run(awaited()) == Block(from_replica=True)
    assert context.block() == NO_BLOCK


def test_a_generator_cannot_be_decorated():
    def generator():
        yield

    with pytest.raises(TypeError, match="is a generator"):
        using_primary()(generator)


def test_neighbours_do_not_see_a_coroutines_block():
    async def story():
        opened, looked = asyncio.Event(), asyncio.Event()

        async def opens():
            async with using_replica():
                opened.set()
                await looked.wait()

        async def looks():
            await opened.wait()
            looked.set()
            return context.block()

        return (await asyncio.gather(opens(), looks()))[1]

    assert asyncio.run(story()) == NO_BLOCK


def test_at_least_announces_what_nobody_announced():
    with at_least():
        assert context.current().is_announced
    assert not context.current().is_announced


def test_at_least_in_a_request_raises_what_it_needs():
    unit = Unit()
    context.begin(unit)

    with at_least("made up"):
        assert context.current() is unit
        assert unit.needs is not None
        assert unit.needs.lsn is None


def test_what_a_thread_wrote_before_counts_inside_at_least_and_what_it_writes_inside_counts_after():
    wrote()

    with at_least():
        assert context.current().wants_fresh
        context.current().cover(at(3))
        context.current().note_write(5)

    assert context.current().position == at(3)
    assert context.current().uncovered == {0, 5}


def test_the_end_of_a_request_ends_its_blocks():
    using_replica().__enter__()

    context.end()

    assert context.block() == NO_BLOCK
