"""The gates that a number passes on its way from demand to decision: each leaves a trace, and a reason if it bites."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from actuators import breaker, flap
from actuators.demand import MIDDLE, needed
from actuators.fallback import fallback
from actuators.steps import Steps, rule
from streams.records.decision import Code, Factor, Gate, GateName, Given, Pulse, Reason, Recommendation, Room


@dataclass(slots=True)
class Gates:
    """One number's way, and what it met."""

    given: Given
    before: int
    """Members wanted so far."""
    at: float
    reasons: list[Reason] = field(default_factory=list)
    passed: list[Gate] = field(default_factory=list)

    def demand(self, factors: Sequence[Factor], *, missing: int) -> int:
        """Combine the factors by their maximum; an unknown one never lowers the number."""
        if self.given.room is not None:
            return self._room(self.given.room)
        self._say_probation()
        known = [(f.members, f) for f in factors if f.members is not None]
        best = max(known, key=lambda pair: pair[0], default=None)
        if best is None:
            return self._blind(factors, missing=missing)
        asked, factor = best
        self._say_demand(factor)
        unknown = len(known) < len(factors)
        if unknown and asked < self.before:
            what = _unknown(factors, self.given)
            self._say(Code.METRIC_MISSING, f"nothing is known of {what}: not fewer than {members(self.before)}")
        return self._pass(GateName.DEMAND, asked, least=self.before if unknown else None)

    def breaker(self, asked: int, pulse: Pulse) -> int:
        """Take nothing away while the breaker holds."""
        forecast = self.given.forecast
        faulty, vanished = breaker.frozen_until(forecast), breaker.vanished_until(pulse)
        said = []
        if faulty is not None and self.at < faulty:
            many = f"{len(forecast.faults)} of {members(forecast.serving)} silent or unhealthy at once"
            said.append((faulty, f"{many}: none is replaced, not fewer than {self.before}"))
        if vanished is not None and self.at < vanished:
            what = "the load fell to zero at once while requests still arrive or nobody counts them"
            said.append((vanished, f"{what}: none is replaced, not fewer than {self.before}"))
        for _, each in said:
            self.reasons.insert(len(self.reasons) if asked < self.before else 0, Reason(Code.BREAKER, each))
        until = max((time for time, _ in said), default=None)
        return self._pass(GateName.BREAKER, asked, least=self.before if said else None, until=until)

    def stabilise(self, recommended: Sequence[Recommendation]) -> int:
        """Grow to the lowest recommendation of the window at most, shrink to the highest at least."""
        policy, before, asked = self.given.policy, self.before, recommended[-1].members
        up_s, down_s = policy.up.stabilization_s, policy.down.stabilization_s
        lowest = min([asked, *[r.members for r in recommended if r.at > self.at - up_s]])
        highest = max([asked, *[r.members for r in recommended if r.at > self.at - down_s]])
        most, least = max(before, lowest), min(before, highest)
        wanted = max(min(asked, most), least)
        until = None
        if wanted != asked:
            other, window_s = (lowest, up_s) if asked > wanted else (highest, down_s)
            held = f": held at {wanted}" if other != wanted else ""
            said = f"{members(asked)} needed now, {other} within the last {window_s:g} s{held}"
            self._say(Code.STABILIZATION_WINDOW, said)
            holds = [r.at for r in recommended if (r.members <= wanted if asked > wanted else r.members >= wanted)]
            until = max(holds) + window_s
        return self._pass(GateName.STABILIZATION, asked, least=least, most=most, until=until)

    def flap(self, asked: int, changes: Sequence[Recommendation]) -> int:
        """Remove nobody once the budget of starts is spent."""
        spec = self.given.policy.flap
        started = flap.spent(changes, spec, at=self.at)
        if spec is None or not started:
            return self._pass(GateName.FLAP_BUDGET, asked)
        if asked < self.before:
            said = f"{members(started)} started within {spec.window_s:g} s, the budget is {spec.starts}"
            self._say(Code.FLAP_BUDGET, f"{said}: not fewer than {self.before}")
        until = flap.refilled_at(changes, spec, at=self.at)
        return self._pass(GateName.FLAP_BUDGET, asked, least=self.before, until=until)

    def bound(self, asked: int) -> int:
        """Hold the number within the minimum and the maximum."""
        least, most, schedules = self.given.min_members, self.given.max_members, self.given.schedules
        held = "".join([f" ({each.schedule})" for each in schedules])
        if asked > most:
            self._say(Code.AT_MAXIMUM, f"{members(asked)} needed, the maximum is {most}{held}")
        elif asked < least:
            code = Code.BELOW_MINIMUM if self.before < least else Code.AT_MINIMUM
            self._say(code, f"{members(asked)} needed, the minimum is {least}{held}")
        until = min([each.until for each in schedules], default=None)
        return self._pass(GateName.BOUNDS, asked, least=least, most=most, until=until)

    def budget(self, asked: int) -> int:
        """Add nobody that budget or quota do not pay for. It takes nobody away, nor below the minimum."""
        cap = self.given.cap
        if cap is None:
            return self._pass(GateName.BUDGET, asked)
        most = max(cap.members, self.before, self.given.min_members)
        if asked > most:
            self._say(Code.BUDGET, f"{members(asked)} needed, {cap.by} leaves {cap.members}: {most} now")
        return self._pass(GateName.BUDGET, asked, most=most)

    def step(self, asked: int, changes: Sequence[Recommendation]) -> int:
        """Hold the change within the step policies. They hold nobody below the minimum or above the maximum."""
        if asked == self.before:
            return self._pass(GateName.STEP, asked)
        growing, given = asked > self.before, self.given
        behavior = given.policy.up if growing else given.policy.down
        steps = Steps(before=self.before, least=given.min_members, most=given.max_members, changes=changes)
        reach = steps.reach(behavior, growing=growing, at=self.at)
        limited, until = (min(asked, reach) if growing else max(asked, reach)), None
        if limited != asked:
            said = f"{members(asked)} needed, {rule(behavior, growing=growing)}: {limited} now"
            self._say(Code.STEP_LIMITED, said)
            done = (*changes, Recommendation(self.at, limited - self.before)) if limited != self.before else changes
            after = Steps(before=limited, least=steps.least, most=steps.most, changes=done)
            until = after.goes_on_at(behavior, growing=growing, at=self.at)
        return self._pass(
            GateName.STEP, asked, least=None if growing else reach, most=reach if growing else None, until=until
        )

    def pause(self, asked: int) -> int:
        """Change nothing that is paused, minimum and maximum or not."""
        pause = self.given.pause
        if pause is None:
            return self._pass(GateName.PAUSE, asked)
        why = f": {pause.reason}" if pause.reason else ""
        said = f"{pause.scope} is paused by {pause.owner}{why}; {members(asked)} otherwise, held at {self.before}"
        self._say(Code.PAUSED, said)
        return self._pass(GateName.PAUSE, asked, least=self.before, most=self.before, until=pause.until)

    def _room(self, room: Room) -> int:
        """Say how many hosts the containers need."""
        said = f"{room.containers} containers, {room.waiting} without room, {room.reserve} in reserve"
        never = f" ({room.never} are larger than a host)" if room.never else ""
        self._say(Code.ROOM, f"{said}{never}: {room.hosts} hosts needed")
        return self._pass(GateName.DEMAND, room.hosts)

    def _blind(self, factors: Sequence[Factor], *, missing: int) -> int:
        """Hold the number while nothing is known, then fall back as the policy says."""
        what = f"nothing is known of {_unknown(factors, self.given)}" if factors else "the policy has no threshold"
        spec = self.given.fallback if factors else None
        fallen = fallback(spec, self.before, missing=missing)
        if spec is None or fallen is None:
            self._say(Code.METRIC_MISSING, f"{what}: held at {members(self.before)}")
            return self._pass(GateName.DEMAND, self.before, least=self.before)
        said = f"{what} for more than {spec.failure_threshold} evaluations: {spec.behavior}, {members(fallen)}"
        self._say(Code.FALLBACK, said)
        return self._pass(GateName.DEMAND, self.before, least=fallen)

    def _say_demand(self, factor: Factor) -> None:
        """Say which load asks for how many members."""
        unit = "" if factor.signal == "requests_in_flight" else " %"
        observed = factor.observed or 0.0
        load = f"{_label(factor.signal)} {observed:.1f}{unit} now"
        if factor.forecast is not None:
            sure = self.given.policy.quantile
            load += f", {factor.forecast:.1f}{unit} predicted{f' (P{100.0 * sure:g})' if sure > MIDDLE else ''}"
        total, asked = max(observed, factor.forecast or 0.0), factor.members or 0
        by = f"{factor.threshold:g}{unit} per member"
        alone = needed(total, factor.threshold) if self.given.policy.demand == "target-tracking" else asked
        code = Code.FORECAST if factor.from_forecast else Code.DEMAND
        self._say(code, f"{load}, {by}{self._formula()}: {members(alone)}")
        if factor.within_tolerance and asked:
            ratio = total / factor.threshold / asked
            starting = asked - self.given.forecast.serving
            there = f"{members(asked)}{f' ({starting} on the way)' if starting > 0 else ''}"
            said = f"that is {ratio:.2f} of what {there} should carry, within the tolerance: {members(asked)}"
            self._say(Code.WITHIN_TOLERANCE, said)

    def _say_probation(self) -> None:
        """Say whose forecasts do not count, of the loads that are looked at."""
        policy = self.given.policy
        for signal in self.given.forecast.signals if policy.forecast == "Enabled" else ():
            score = signal.score
            if score is not None and score.since is not None and signal.signal in policy.thresholds:
                said = (
                    f"{_label(signal.signal)}: {score.predictor} is on probation since {_clock(score.since, self.at)}"
                )
                worse = f"{score.relmae:.2f} times the last value's error; the last value counts"
                self._say(Code.PROBATION, f"{said}: {worse}")

    def _formula(self) -> str:
        return "" if self.given.policy.demand == "target-tracking" else f" by {self.given.policy.demand}"

    def _say(self, code: Code, said: str) -> None:
        self.reasons.append(Reason(code, said))

    def _pass(
        self,
        gate: GateName,
        asked: int,
        *,
        least: int | None = None,
        most: int | None = None,
        until: float | None = None,
    ) -> int:
        """Bring a number within a gate's limits, and note it."""
        passed = asked if most is None else min(asked, most)
        passed = passed if least is None else max(passed, least)
        bites = passed != asked or gate is GateName.PAUSE
        self.passed.append(
            Gate(gate=gate, asked=asked, passed=passed, least=least, most=most, until=until if bites else None)
        )
        return passed


def _unknown(factors: Sequence[Factor], given: Given) -> str:
    """Name the factors that are unknown, each with why."""
    why = {signal.signal.value: signal.why for signal in given.forecast.signals}
    return ", ".join(f"{_label(f.signal)} ({why[f.signal] or 'unknown'})" for f in factors if f.members is None)


def _clock(at: float, beside: float) -> str:
    """Write a time (UTC), with its date when it is not that of another one."""
    day, _, time = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ").partition(" ")
    return time if day == str(datetime.fromtimestamp(beside, UTC).date()) else f"{day} {time}"


def _label(signal: str) -> str:
    """Write a signal for people."""
    return signal.replace("_", " ")


def members(count: int) -> str:
    """Write a number of members for people."""
    return "1 member" if count == 1 else f"{count} members"
