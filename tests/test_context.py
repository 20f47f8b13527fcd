from __future__ import annotations

import asyncio
import os
import random
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintet import context
from quintet.context import Context

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
TRACE_PARENT = f"00-{TRACE}-{PARENT}-01"


def test_a_trace_parent_gives_the_correlation_id():
    found = context.from_headers({"traceparent": TRACE_PARENT, "x-correlation-id": "other"})

    assert found == Context(correlation_id=TRACE, trace_id=TRACE, parent_id=PARENT, sampled=True)


def test_a_trace_that_is_not_sampled_stays_so():
    found = context.from_headers({"traceparent": f"00-{TRACE}-{PARENT}-00"})

    assert not found.sampled


def test_a_trace_parent_of_a_later_version_is_understood():
    found = context.from_headers({"traceparent": f"01-{TRACE}-{PARENT}-01-more"})

    assert found.trace_id == TRACE


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01\n",
        f"00-{TRACE}-{PARENT}",
        f"01-{TRACE}-{PARENT}-01-{'x' * 10_000}",
    ],
)
def test_a_trace_parent_that_is_not_valid_is_ignored(header):
    found = context.from_headers({"traceparent": header, "x-correlation-id": "order-7"})

    assert found == Context(correlation_id="order-7")


def test_a_correlation_id_that_is_a_trace_id_continues_the_trace():
    found = context.from_headers({"x-correlation-id": TRACE})

    assert (found.correlation_id, found.trace_id) == (TRACE, TRACE)


@pytest.mark.parametrize(
    "header", ["", "a b", "x" * 65, "id\n", "id\r\nSet-Cookie: a=b", "é", '{"level":"CRITICAL"}']
)
def test_a_correlation_id_that_is_not_valid_is_replaced(header):
    found = context.from_headers({"x-correlation-id": header})

    assert re.fullmatch(r"[0-9a-f]{32}", found.correlation_id)


@given(st.dictionaries(st.sampled_from(["traceparent", "x-correlation-id"]), st.text()))
def test_whatever_is_sent_the_correlation_id_is_safe_to_log_and_to_send(headers):
    found = context.from_headers(headers)

    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", found.correlation_id)


def test_new_contexts_differ_and_are_traces():
    first, second = context.new(), context.new()

    assert first.correlation_id != second.correlation_id
    assert first.trace_id == first.correlation_id


def test_outgoing_headers_carry_the_trace_with_a_parent_of_their_own():
    with context.running(context.from_headers({"traceparent": TRACE_PARENT})):
        headers, others = context.outgoing_headers(), context.outgoing_headers()

    assert headers["X-Correlation-ID"] == TRACE
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", headers["traceparent"])
    assert PARENT not in headers["traceparent"]
    assert headers["traceparent"] != others["traceparent"]


def sent_by(here: Context) -> dict[str, str]:
    with context.running(here):
        return {name.lower(): value for name, value in context.outgoing_headers().items()}


def test_a_correlation_id_that_is_no_trace_id_travels_with_a_trace_of_its_own():
    headers = sent_by(context.from_headers({"x-correlation-id": "order-7"}))

    assert headers["x-correlation-id"] == "order-7"
    assert re.fullmatch(
        r"00-df8cf80227ec3237922df0ecd88385c5-[0-9a-f]{16}-00", headers["traceparent"]
    )


@pytest.mark.parametrize("here", [context.new(), Context(correlation_id="order-7")])
def test_correlation_id_and_trace_are_the_same_in_every_hop(here):
    there = context.from_headers(sent_by(here))
    beyond = context.from_headers(sent_by(there))

    for hop in (there, beyond):
        assert (hop.correlation_id, hop.trace_id) == (here.correlation_id, here.trace_id)


def test_the_span_that_is_recorded_is_the_parent_of_what_it_calls():
    here = Context(correlation_id=TRACE, span_id=PARENT, sampled=True)

    assert sent_by(here)["traceparent"] == f"00-{TRACE}-{PARENT}-01"


def test_outside_any_context_a_call_still_names_one():
    headers = context.outgoing_headers()

    assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Correlation-ID"])
    assert context.current() is None


def test_unbinding_puts_back_what_was_current():
    outer, inner = context.new(), context.new()

    with context.running(outer):
        token = context.bind(inner)
        assert context.current() is inner
        context.unbind(token)
        assert context.current() is outer

    assert context.current() is None


def test_a_context_ends_also_when_the_work_fails():
    with pytest.raises(ZeroDivisionError), context.running(context.new()):
        raise ZeroDivisionError

    assert context.current() is None


def test_a_pooled_thread_does_not_inherit_the_context():
    with ThreadPoolExecutor(1) as pool, context.running(context.new()):
        assert pool.submit(context.current).result() is None


def test_tasks_have_contexts_of_their_own():
    async def work(mine: Context) -> bool:
        with context.running(mine):
            await asyncio.sleep(0)
            return context.current() is mine

    async def both() -> list[bool]:
        return await asyncio.gather(work(context.new()), work(context.new()))

    assert asyncio.run(both()) == [True, True]


def test_a_fork_makes_ids_of_its_own():
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, context.new().correlation_id.encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reader, 64).decode() != context.new().correlation_id


def test_ids_do_not_repeat_when_somebody_seeds_the_module_random():
    random.seed(1)
    first = context.new().correlation_id
    random.seed(1)

    assert context.new().correlation_id != first
