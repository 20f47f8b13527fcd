from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from quintet.embedded import spawn
from quintet.embedded.server import Launch, NotReady
from quintet.fleet.unit import SETTLED, CannotStart, Policy, State, Unit

QUICK = Policy(
    back_off_seconds=0.01,
    first_probe_seconds=0.01,
    later_probe_seconds=0.05,
    degraded_probe_seconds=0.05,
    grace_seconds=0.5,
)
STAY = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {STAY}"


class Program:
    """A plan that runs a line of Python, and is ready when the test says so."""

    kind = "service"

    def __init__(self, code=STAY, *, ready=True):
        self.code = code
        self.ready = ready
        self.broken = False
        self.starts = 0

    async def prepare(self):
        if self.broken:
            raise CannotStart("it is broken")
        self.starts += 1
        return Launch(
            argv=(sys.executable, "-S", "-c", self.code),
            env={},
            cwd=Path(__file__).parent,
            preexec=spawn.ends_with_parent(signal.SIGINT),
            stop_signal=signal.SIGTERM,
        )

    async def probe(self, pid, /):
        if not self.ready:
            raise NotReady("not yet")


def unit(plan, roster, name="alpha", needs=(), policy=QUICK):
    return Unit(name, plan, roster=roster, needs=needs, policy=policy)


def is_ready(state):
    return state is State.READY


async def started(one):
    one.start()
    await one.until(lambda state: state in SETTLED)
    return one


async def wait_for(condition):
    while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
        await asyncio.sleep(0.01)


def test_a_killed_process_is_started_again(run, roster):
    async def story():
        one = await started(unit(Program(), roster))
        first = one.facts.pid
        os.kill(first, signal.SIGKILL)
        await one.until(lambda state: state is not State.READY)
        await one.until(is_ready)
        second, restarts, code = one.facts.pid, one.facts.restarts, one.facts.exit_code
        await one.stop()
        return first, second, restarts, code

    first, second, restarts, code = run(story())

    assert first != second
    assert (restarts, code) == (1, -signal.SIGKILL)


def test_a_probe_that_loses_its_cancellation_does_not_keep_the_dead(run, roster):
    class Deaf(Program):
        async def probe(self, pid, /):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.2)

    async def story():
        one = await started(unit(Deaf(), roster))
        first = one.facts.pid
        os.kill(first, signal.SIGKILL)
        await wait_for(lambda: one.facts.pid not in {first, None})
        await one.stop()

    run(asyncio.wait_for(story(), 20))


def test_the_reason_of_a_crash_names_the_signal(run, roster):
    async def story():
        seen = []
        one = unit(Program(), roster)
        one.on_change = lambda changed: seen.append(changed.facts.reason)
        await started(one)
        os.kill(one.facts.pid, signal.SIGKILL)
        await one.until(lambda state: state is not State.READY)
        await one.stop()
        return seen

    assert "killed by signal 9, again in 0.01 s" in run(story())


def test_a_program_that_does_not_exist_is_crashed_and_not_tried_again(run, roster):
    class Missing(Program):
        async def prepare(self):
            launch = await super().prepare()
            return dataclasses.replace(launch, argv=("/does/not/exist",))

    async def story():
        one = await started(unit(Missing(), roster))
        facts = one.state, one.facts.reason
        await one.stop()
        return facts

    state, reason = run(story())

    assert state is State.CRASHED
    assert "/does/not/exist" in reason


def test_five_crashes_in_a_minute_are_a_crash_loop(run, roster):
    async def story():
        plan = Program("raise SystemExit(3)", ready=False)
        one = await started(unit(plan, roster))
        await one.stop()
        return plan

    plan = run(story())

    assert plan.starts == 5


def test_a_crash_loop_says_how_it_ended(run, roster):
    async def story():
        one = await started(unit(Program("raise SystemExit(3)", ready=False), roster))
        facts = one.facts.state, one.facts.reason
        await one.stop()
        return facts

    state, reason = run(story())

    assert state is State.CRASHED
    assert reason == "exit code 3, 5 crashes in 60 s"


def test_crashes_further_apart_than_the_window_are_no_loop(run, roster):
    async def story():
        policy = Policy(window_seconds=0, back_off_seconds=0.01, first_probe_seconds=0.01)
        plan = Program("raise SystemExit(3)", ready=False)
        one = unit(plan, roster, policy=policy)
        one.start()
        await wait_for(lambda: plan.starts > 6)
        await one.stop()
        return plan.starts

    assert run(story()) > 6


def test_a_restart_leads_out_of_a_crash_loop(run, roster):
    async def story():
        plan = Program("raise SystemExit(3)", ready=False)
        one = await started(unit(plan, roster))
        plan.code, plan.ready = STAY, True
        await one.restart()
        state = one.state
        await one.stop()
        return state

    assert run(story()) is State.READY


def test_an_unready_process_is_degraded_and_never_killed(run, roster):
    async def story():
        plan = Program()
        one = await started(unit(plan, roster))
        before, plan.ready = one.facts.pid, False
        await one.until(lambda state: state is State.DEGRADED)
        reason = one.facts.reason
        plan.ready = True
        await one.until(is_ready)
        after = one.facts.pid
        await one.stop()
        return before, after, reason

    before, after, reason = run(story())

    assert before == after
    assert reason == "not yet"


def test_a_probe_that_breaks_does_not_end_the_watching(run, roster):
    class Moody(Program):
        async def probe(self, pid, /):
            if not self.ready:
                raise ZeroDivisionError

    async def story():
        plan = Moody()
        one = await started(unit(plan, roster))
        plan.ready = False
        await one.until(lambda state: state is State.DEGRADED)
        reason, plan.ready = one.facts.reason, True
        await one.until(is_ready)
        await one.stop()
        return reason

    assert "ZeroDivisionError" in run(story())


def test_a_dependant_waits_until_what_it_needs_is_ready(run, roster):
    async def story():
        below, above = Program(ready=False), Program()
        first = unit(below, roster, "first")
        second = unit(above, roster, "second", needs=(first,))
        first.start()
        second.start()
        await first.until(lambda state: state is State.STARTING)
        early = above.starts, second.facts.reason
        below.ready = True
        await second.until(is_ready)
        await second.stop()
        await first.stop()
        return early

    starts, reason = run(story())

    assert starts == 0
    assert reason == "for first"


def test_a_dependant_stays_up_while_what_it_needs_restarts(run, roster):
    async def story():
        first = unit(Program(), roster, "first")
        second = unit(Program(), roster, "second", needs=(first,))
        first.start()
        await started(second)
        before = second.facts.pid
        await first.restart()
        after = second.facts.pid
        await second.stop()
        await first.stop()
        return before, after

    before, after = run(story())

    assert before == after


def test_a_restart_gives_a_new_process_and_is_no_crash(run, roster):
    async def story():
        one = await started(unit(Program(), roster))
        before = one.facts.pid
        await one.restart()
        after, crashes = one.facts.pid, len(one.facts.crashes)
        await one.stop()
        return before, after, crashes

    before, after, crashes = run(story())

    assert before != after
    assert crashes == 0


def test_a_process_that_ignores_the_request_to_end_is_killed(run, roster):
    async def story():
        one = await started(unit(Program(STUBBORN), roster))
        pid = one.facts.pid
        await asyncio.sleep(0.3)
        await one.stop()
        return pid

    assert not psutil.pid_exists(run(story()))


def test_what_a_killed_process_had_started_ends_with_it(run, roster, lines):
    code = f"import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True); {STAY}"

    async def story():
        one = await started(unit(Program(code), roster))
        await wait_for(lambda: lines)
        grandchild = int(lines[0][1])
        os.kill(one.facts.pid, signal.SIGKILL)
        await wait_for(lambda: _gone(grandchild))
        await one.stop()

    run(story())


def test_what_cannot_start_is_crashed_with_its_reason(run, roster):
    async def story():
        plan = Program()
        plan.broken = True
        one = await started(unit(plan, roster))
        facts = one.state, one.facts.reason
        await one.stop()
        return facts

    assert run(story()) == (State.CRASHED, "it is broken")


@pytest.mark.parametrize(("crashes", "seconds"), [(1, 0.5), (2, 1), (3, 2), (4, 4), (9, 8)])
def test_the_back_off_doubles_up_to_its_limit(crashes, seconds):
    assert Policy().back_off(crashes) == seconds


def _gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
