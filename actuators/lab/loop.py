"""The closed loop: the load is seen, a number decided, members come and go; and the next period sees what came of it.

The functions are those that run live. A tick on which the decision cannot change the number is not asked of the
:class:`~actuators.judge.Judge`: see :class:`Quiet` for the proof, and :data:`AUDIT` for the check.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from actuators.judge import Judge
from actuators.lab.course import Course
from actuators.lab.fleet import Fleet
from actuators.lab.quiet import Quiet
from actuators.lab.world import World
from config.cluster import ClusterSpec
from streams.records.decision import Decision, Memory
from streams.records.forecast import ClusterForecast

AUDIT = 97
"""Every so many ticks the judge is asked although the number cannot change: it must say the same."""
Watch = Callable[[int, Decision], None]
"""Told of every tick: its number, and its decision."""


class DisagreementError(Exception):
    """The judge changed a number that could not change: replay with ``exact=True``."""


@dataclass(frozen=True, slots=True)
class Change:
    """The number wanted changed."""

    at: float
    before: int
    wanted: int
    why: tuple[tuple[str, str], ...]
    """Code and words of each reason, in the order of the gates."""


class ClosedLoop:
    """One cluster under one policy. It can stop after any period and go on: its state is all it has."""

    def __init__(
        self, spec: ClusterSpec, course: Course, world: World, *, exact: bool = False, watch: Watch | None = None
    ) -> None:
        self.spec, self.course = spec, course
        self.period = 0
        """The next period."""
        first = course.first_need(spec)
        self.fleet = Fleet(spec, world, at=course.start, members=first)
        self.judge = Judge(math.inf)
        self.judge.adopt(self.fleet.present, course.start)
        self.changes: list[Change] = []
        self.first = first
        self.watch = watch
        self._quiet = None if exact or watch or not Quiet.fits(spec) else Quiet(spec, course.start, first)

    def run(self, until: int | None = None) -> "ClosedLoop":
        """Go on to the end, or to before period ``until``; each period's tick is at its end.

        Raises
        ------
        DisagreementError
            If the judge, asked for proof, did not agree with a short cut.
        """
        stop = self.course.periods if until is None else min(until, self.course.periods)
        if self._quiet is None:
            self._run_exactly(stop)
        else:
            self._run_quietly(self._quiet, stop)
        self.period = max(self.period, stop)
        return self

    def _run_exactly(self, stop: int) -> None:
        """Ask the judge on every tick."""
        for i in range(self.period, stop):
            at = self.course.end(i)
            if at >= self.fleet.next_at:
                self.fleet.advance(at)
            decision = self._decide(i, at)
            if self.watch is not None:
                self.watch(i, decision)

    def _run_quietly(self, quiet: Quiet, stop: int) -> None:
        """Ask the judge only when the number may change, and now and then to be sure."""
        fleet, start, step_s, holds = self.fleet, self.course.start, self.course.step_s, quiet.holds
        quotients = self.course.quotients(self.spec.policy)
        for i in range(self.period, stop):
            at = start + (i + 1) * step_s
            if at >= fleet.next_at:
                fleet.advance(at)
            if holds(at, fleet.serving, fleet.serving + fleet.starting, quotients[i]) and i % AUDIT:
                if fleet.moved:
                    fleet.follow(quiet.wanted, at, "goes on")
                continue
            held = quiet.held
            memory = self.judge.remembered.memory
            self._remember(msgspec.structs.replace(memory, recommended=quiet.recommended(at)))
            before = quiet.wanted
            self._decide(i, at)
            if held and self._wanted != before:
                raise DisagreementError(f"period {i}: {before} held, the judge says {self._wanted}")
            quiet.learn(self.judge.remembered.memory, at)

    @property
    def _wanted(self) -> int:
        wanted = self.judge.remembered.memory.wanted
        return self.spec.least_members if wanted is None else wanted

    def _remember(self, memory: Memory) -> None:
        self.judge.remembered = msgspec.structs.replace(self.judge.remembered, memory=memory)

    def _decide(self, i: int, at: float) -> Decision:
        """Take the decision of a tick, and do what it wants."""
        decision, _ = self.judge.decide(self.spec, self._forecast(i), at)
        if decision.wanted != decision.before:
            why = tuple((reason.code.value, reason.said) for reason in decision.reasons)
            self.changes.append(Change(at, decision.before, decision.wanted, why))
        if decision.wanted != decision.before or self.fleet.moved:
            self.fleet.follow(decision.wanted, at, decision.decision)
        return decision

    def _forecast(self, i: int) -> ClusterForecast:
        """Return the cluster as the stream worker would have seen it."""
        fleet = self.fleet
        return ClusterForecast(
            tenant=self.spec.tenant,
            application=self.spec.application,
            cluster=self.spec.cluster,
            horizon_s=self.course.horizon_s,
            serving=fleet.serving,
            known=fleet.serving,
            starting=fleet.starting,
            signals=self.course.signals(i),
        )
