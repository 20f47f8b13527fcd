from __future__ import annotations

import asyncio

import pytest

from quintet.events.brokers import BrokerUnavailable, Delivery
from quintet.events.brokers.loops import Loop, Mailbox


@pytest.fixture
def loop():
    made = Loop(KeyError)
    yield made
    made.close()


async def counted():
    return len(asyncio.all_tasks())


async def fails(error):
    raise error


async def filled(mailbox, *bodies):
    for body in bodies:
        mailbox.put(Delivery("orders", 0, body, "1"))


def test_a_reader_that_waits_in_vain_leaves_nothing_behind(loop):
    """The naive version leaves a task for each wait, until something arrives."""
    mailbox = Mailbox()
    for _ in range(5):
        assert loop.run(mailbox.take(10, 0.01)) == []

    assert loop.run(counted()) == 1


def test_no_more_is_taken_than_was_asked_for(loop):
    mailbox = Mailbox()
    loop.run(filled(mailbox, "a", "b", "c"))

    assert [one.body for one in loop.run(mailbox.take(2, 1))] == ["a", "b"]
    assert [one.body for one in loop.run(mailbox.take(2, 1))] == ["c"]


def test_nothing_is_taken_of_a_lost_connection(loop):
    mailbox = Mailbox()
    loop.run(filled(mailbox, "a"))
    mailbox.close()

    with pytest.raises(BrokerUnavailable):
        loop.run(mailbox.take(1, 1))


@pytest.mark.parametrize("error", [KeyError(), OSError(), TimeoutError()])
def test_a_failure_of_the_client_says_that_the_broker_is_unavailable(loop, error):
    with pytest.raises(BrokerUnavailable, match=type(error).__name__):
        loop.run(fails(error))


def test_an_error_of_the_program_is_raised_as_it_is(loop):
    with pytest.raises(ZeroDivisionError):
        loop.run(fails(ZeroDivisionError()))


def test_an_answer_that_does_not_come_is_not_waited_for(loop):
    with pytest.raises(BrokerUnavailable, match="TimeoutError"):
        loop.run(asyncio.sleep(60), 0.01)
