"""One thing that runs: probed, restarted after a crash, never killed for being unready."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import subprocess
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from quintet.embedded.server import NotReady

if TYPE_CHECKING:
    from collections.abc import Callable

    from quintet.embedded.server import Launch
    from quintet.fleet.process import Child
    from quintet.fleet.roster import Roster


class State(enum.StrEnum):
    """What a unit is doing."""

    WAITING = "waiting"
    PREPARING = "preparing"
    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"
    RESTARTING = "restarting"
    CRASHED = "crashed"
    STOPPED = "stopped"


SETTLED = frozenset({State.READY, State.DEGRADED, State.CRASHED, State.STOPPED})


class CannotStart(Exception):
    """The unit cannot be started, and trying again would not help."""


class Plan(Protocol):
    """How a unit is started and asked; ``prepare`` may take its time, ``probe`` may not."""

    kind: str

    async def prepare(self) -> Launch:
        """Do what comes first and say how to start. Raises ``CannotStart``."""

    async def probe(self, pid: int, /) -> None:
        """Return when the unit is ready. Raises ``NotReady``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The numbers of a unit's life; tests shorten them."""

    crashes: int = 5
    window_seconds: float = 60.0
    back_off_seconds: float = 0.5
    longest_back_off_seconds: float = 8.0
    first_probe_seconds: float = 0.1
    later_probe_seconds: float = 5.0
    degraded_probe_seconds: float = 1.0
    failures_to_degrade: int = 2
    grace_seconds: float = 10.0

    def pause(self, state: State) -> float:
        """Return how long to wait before the next probe."""
        if state is State.READY:
            return self.later_probe_seconds
        return self.degraded_probe_seconds if state is State.DEGRADED else self.first_probe_seconds

    def back_off(self, crashes: int) -> float:
        """Return how long to wait after the given number of recent crashes."""
        wait = self.back_off_seconds * 2 ** max(0, crashes - 1)
        return float(min(wait, self.longest_back_off_seconds))


@dataclass(slots=True, kw_only=True)
class Facts:
    """What ``status`` shows of a unit."""

    state: State = State.WAITING
    reason: str = ""
    pid: int | None = None
    exit_code: int | None = None
    """With which the process before this one ended."""
    restarts: int = 0
    ready_after_seconds: float | None = None
    crashes: deque[float] = field(default_factory=deque)


class Unit:
    """One supervised process."""

    def __init__(
        self,
        name: str,
        plan: Plan,
        *,
        roster: Roster,
        needs: tuple[Unit, ...] = (),
        policy: Policy | None = None,
    ) -> None:
        self.name = name
        self.kind = plan.kind
        self.plan = plan
        self.needs = needs
        self.policy = policy or Policy()
        self.facts = Facts()
        self.child: Child | None = None
        self.on_change: Callable[[Unit], None] = _ignore
        self._roster = roster
        self._change = asyncio.Event()
        self._again = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        return self.facts.state

    def start(self) -> None:
        """Begin to run, as soon as what the unit needs is ready."""
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def restart(self) -> None:
        """End the process and start it again, also after a crash loop; return when settled."""
        self.facts.crashes.clear()
        self._set(State.RESTARTING, "asked to")
        self._again.set()
        await self.until(lambda state: state in SETTLED)

    async def stop(self) -> None:
        """End the process for good."""
        self._stopping = True
        child = self.child
        if child is not None:
            await child.end(grace_seconds=self.policy.grace_seconds)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self.child is not None:
            await self.child.end(grace_seconds=self.policy.grace_seconds)
        self._set(State.STOPPED)

    async def until(self, wanted: Callable[[State], bool]) -> State:
        """Return the state when it is one of the wanted."""
        while not wanted(self.state):
            await self._change.wait()
        return self.state

    async def _run(self) -> None:
        await self._wait_for_needs()
        while not self._stopping:
            self._again.clear()
            try:
                await self._live()
            except CannotStart as error:
                self._set(State.CRASHED, str(error))
                await self._again.wait()

    async def _wait_for_needs(self) -> None:
        for need in self.needs:
            if need.state is not State.READY:
                self._set(State.WAITING, f"for {need.name}")
            await need.until(lambda state: state is State.READY)

    async def _live(self) -> None:
        """Start once, and stay until the process ended or a restart was asked for."""
        self._set(State.PREPARING)
        launch = await self.plan.prepare()
        self.child = child = self._spawned(launch)
        self.facts.pid = child.pid
        self._set(State.STARTING)
        asked = await self._attend(child)
        if asked or self._stopping:
            await child.end(grace_seconds=self.policy.grace_seconds)
        code = self.facts.exit_code = await child.wait()
        self.facts.pid = self.child = None
        if not (asked or self._stopping):
            await self._after_crash(code)

    def _spawned(self, launch: Launch) -> Child:
        try:
            return self._roster.spawn(self.name, launch)
        except (OSError, subprocess.SubprocessError) as error:
            raise CannotStart(f"{launch.argv[0]}: {error}") from error

    async def _attend(self, child: Child) -> bool:
        """Probe until the process ends (False) or a restart is asked for (True)."""
        ended = asyncio.create_task(child.wait())
        asked = asyncio.create_task(self._again.wait())
        probing = asyncio.create_task(self._probe(child))
        try:
            await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
            return asked.done() and not ended.done()
        finally:
            for task in (ended, asked, probing):
                task.cancel()
            await asyncio.gather(ended, asked, probing, return_exceptions=True)

    async def _probe(self, child: Child) -> None:
        started = time.monotonic()
        failures = 0
        while child.running:
            reason = await self._reason_not_ready(child)
            failures = failures + 1 if reason else 0
            if self._again.is_set():
                return
            if reason:
                self._not_ready(reason, failures)
            else:
                if self.facts.ready_after_seconds is None:
                    self.facts.ready_after_seconds = time.monotonic() - started
                self._set(State.READY)
            await asyncio.sleep(self.policy.pause(self.state))

    async def _reason_not_ready(self, child: Child) -> str:
        """Return why the unit is not ready, or nothing when it is."""
        try:
            await self.plan.probe(child.pid)
        except NotReady as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a broken probe must not end the watching
            return f"the probe failed: {error!r}"
        return ""

    def _not_ready(self, reason: str, failures: int) -> None:
        if self.state is State.STARTING:
            self.facts.reason = reason
        elif failures >= self.policy.failures_to_degrade:
            self._set(State.DEGRADED, reason)

    async def _after_crash(self, code: int) -> None:
        now = time.monotonic()
        crashes = self.facts.crashes
        crashes.append(now)
        while crashes and crashes[0] < now - self.policy.window_seconds:
            crashes.popleft()
        said = f"exit code {code}" if code >= 0 else f"killed by signal {-code}"
        if len(crashes) >= self.policy.crashes:
            window = f"{len(crashes)} crashes in {self.policy.window_seconds:g} s"
            raise CannotStart(f"{said}, {window}")
        self.facts.restarts += 1
        wait = self.policy.back_off(len(crashes))
        self._set(State.RESTARTING, f"{said}, again in {wait:g} s")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._again.wait(), wait)

    def _set(self, state: State, reason: str = "") -> None:
        changed = (state, reason) != (self.facts.state, self.facts.reason)
        self.facts.state, self.facts.reason = state, reason
        if changed:
            before, self._change = self._change, asyncio.Event()
            before.set()
            self.on_change(self)


def _ignore(_unit: Unit) -> None:
    """Nobody wants to know."""
