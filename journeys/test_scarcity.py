"""F3: there is too little of what a process needs; it says so, and is whole when there is more."""

from __future__ import annotations

import os
import socket
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import limits
import load
import pytest
import servers
from load import Call
from system import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not sys.platform.startswith("linux") or os.getuid() != 0,
        reason="control groups are Linux's, and for root to make",
    ),
]

WAIT = Call(path="/api/v1/sleep/100/")
RECKON = Call(path="/api/v1/burn/5/")
CARRY = Call(path="/api/v1/echo/", method="POST", body='{"text": "' + "x" * 200_000 + '"}')
WHOLE_SECONDS = 5
PER_SECOND = 20
FEW_DESCRIPTORS, MANY_DESCRIPTORS = 64, 4096
IDLE = 120
TASKS = 10


@dataclass(kw_only=True)
class Seen:
    """What became of the requests while there was too little, and of those after that."""

    scarce: list
    after: list

    @property
    def served(self):
        return f"{load.share(self.scarce) * 100:.0f} %"

    @property
    def statuses(self):
        return Counter(one.status for one in self.scarce)

    @property
    def whole(self):
        """After how many seconds everything was served again."""
        begin = self.after[0].due_at
        return max((one.due_at - begin for one in self.after if not one.ok), default=0.0)


def asked(server, call, *, seconds, per_second=PER_SECOND):
    return load.ask(server, call, per_second=per_second, seconds=seconds)


def note(figures, what, ours, theirs):
    figures.note(
        scenario="F3",
        what=f"served with {what}",
        ours=f"{ours.served} {dict(ours.statuses)}",
        stock=f"{theirs.served} {dict(theirs.statuses)}",
        to_reach="the rest 503",
    )
    figures.note(
        scenario="F3",
        what=f"failures after it was lifted, {what}",
        ours=f"{ours.whole:.1f} s",
        stock=f"{theirs.whole:.1f} s",
        to_reach=f"< {WHOLE_SECONDS} s",
    )


@contextmanager
def crowd(server):
    """Many who are connected and say nothing, as many as get in."""
    with ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(socket.create_connection(server.address, timeout=5))
        yield


def without_descriptors(server):
    limits.descriptors(server, FEW_DESCRIPTORS)
    with crowd(server):
        scarce = asked(server, WAIT, seconds=4)
    limits.descriptors(server, MANY_DESCRIPTORS)
    return Seen(scarce=scarce, after=asked(server, WAIT, seconds=WHOLE_SECONDS + 1))


def test_few_descriptors_turn_newcomers_away_and_nobody_else(scratch, figures):
    with servers.stage(scratch) as server:
        ours = without_descriptors(server)
        assert server.process.poll() is None
    with servers.stock(scratch) as server:
        theirs = without_descriptors(server)

    note(figures, f"{FEW_DESCRIPTORS} descriptors and {IDLE} idle connections", ours, theirs)
    assert set(ours.statuses) <= {200, 503}
    assert ours.whole < WHOLE_SECONDS


def confined(serving, limit, call, *, seconds, per_second=PER_SECOND):
    """Start a server in a group, tighten that, ask, and lift it."""
    with limits.group(limit) as group, serving(group.entering) as server:
        until(server.answers, seconds=30)
        group.tighten()
        scarce = asked(server, call, seconds=seconds, per_second=per_second)
        group.lift()
        after = asked(server, call, seconds=WHOLE_SECONDS + 1, per_second=per_second)
        return Seen(scarce=scarce, after=after)


def both(scratch, limit, call, **given):
    ours = confined(lambda words: servers.stage(scratch, within=words), limit, call, **given)
    theirs = confined(lambda words: servers.stock(scratch, within=words), limit, call, **given)
    return ours, theirs


def test_without_more_threads_the_work_is_done_by_those_that_there_are(scratch, figures):
    ours, theirs = both(scratch, limits.tasks(TASKS), WAIT, seconds=4, per_second=60)

    note(figures, f"{TASKS} tasks", ours, theirs)
    assert set(ours.statuses) <= {200, 503}
    assert ours.whole < WHOLE_SECONDS


def test_a_fifth_of_a_processor_is_used_and_what_is_too_much_for_it_is_refused(scratch, figures):
    ours, theirs = both(scratch, limits.CPU, RECKON, seconds=15, per_second=40)

    note(figures, "20 % of a processor, asked for 100 %", ours, theirs)
    assert set(ours.statuses) <= {200, 503}
    assert ours.whole < WHOLE_SECONDS


def test_little_memory_ends_no_request(scratch, figures):
    ours, theirs = both(scratch, limits.MEMORY, CARRY, seconds=10)

    note(figures, "150 MiB of memory", ours, theirs)
    assert set(ours.statuses) <= {200, 503}
    assert ours.whole < WHOLE_SECONDS
