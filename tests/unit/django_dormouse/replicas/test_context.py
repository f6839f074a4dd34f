"""What is known of what runs now."""

import asyncio
import contextvars
import threading

from django_dormouse.replicas import context, primary, wrote


def in_a_fresh_context(function):
    return contextvars.Context().run(function)


def test_a_write_stays_in_its_context():
    def story():
        wrote()
        assert context.current().has_written

    in_a_fresh_context(story)
    assert not in_a_fresh_context(lambda: context.current().has_written)


def test_another_thread_has_a_scope_of_its_own():
    seen = []

    def story():
        wrote()
        thread = threading.Thread(target=lambda: seen.append(context.current().has_written))
        thread.start()
        thread.join()

    in_a_fresh_context(story)
    assert seen == [False]


def test_a_task_started_by_a_request_belongs_to_it():
    async def story():
        context.begin(context.Scope())
        await asyncio.create_task(asyncio.to_thread(wrote))
        return context.current().has_written

    assert asyncio.run(story())


def test_primary_may_be_nested_and_decorate():
    @primary()
    def inner():
        return context.current().pins

    def story():
        with primary():
            assert inner() == 2
            assert context.current().pins == 1
        return context.current().pins

    assert in_a_fresh_context(story) == 0


def test_primary_lets_go_when_its_block_fails():
    def story():
        try:
            with primary():
                raise ZeroDivisionError
        except ZeroDivisionError:
            return context.current().pins

    assert in_a_fresh_context(story) == 0


def test_a_scope_keeps_its_turn_and_the_next_takes_the_next():
    first, second = context.Scope(), context.Scope()

    assert first.take_turn() == first.take_turn()
    assert second.take_turn() == first.take_turn() + 1
