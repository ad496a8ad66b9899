"""The fold's windows are what a brute-force recomputation says: late, early, doubled, from two senders, with gaps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.cluster import Measured, Rules
from streams.fold import Fold
from streams.records.forecast import Forecasts, Signal
from streams.records.member import State
from streams.records.packed import pack
from streams.records.sample import Health, Requests
from tests.builders import a_health, a_member, a_requests, a_tick, an_instance, health_columns, raw

RULES = Rules(
    sample_interval_s=1.0, evaluation_s=1.0, window_s=20.0, fault_s=30.0, predictor="kinematic", horizon_grid_s=(3.0,)
)
WINDOW, LEAD, HELD = 20, 3, 1
"""Periods of a window; those before it that are kept; those that a member's value holds for."""
BEGIN, TICKS = 1000, 12
NAMES = "abc"

near, far = st.integers(-12, 2 * TICKS), st.integers(-60, 2 * TICKS + 20)
moments = st.one_of(near, near, near, far).map(lambda i: BEGIN + i / 2.0)
loads = st.one_of(st.none(), st.floats(0.0, 1e9))
healths = st.builds(
    lambda m, at, load: a_health(m, at=at, load=load, memory=None), st.sampled_from(NAMES), moments, loads
)
requests = st.builds(
    lambda at, n, who: a_requests(n, at=at, interval_s=1.0, balancer=who),
    moments,
    st.floats(0.0, 1e6),
    st.sampled_from(["lb-1", "lb-2"]),
)
forms = st.sampled_from(["each", "json", "binary"])


@dataclass(frozen=True)
class Life:
    """When a member serves: from ``start`` to before ``end``."""

    start: float
    end: float


lives = st.builds(lambda start, n: Life(start, start + n), st.integers(-10, TICKS), st.integers(1, 20)).map(
    lambda life: Life(BEGIN + life.start + 0.25, BEGIN + life.end + 0.25)
)


def messages(samples: Sequence[Health | Requests], form: str) -> list[bytes]:
    """Write samples as one sender does: one by one, or the members' in an envelope."""
    ours = [s for s in samples if isinstance(s, Health)]
    if form == "each" or not ours:
        return [raw(s) for s in samples]
    many = health_columns(*ours)
    return [raw(many) if form == "json" else pack(many), *(raw(s) for s in samples if isinstance(s, Requests))]


class Brute:
    """All that was taken in, and every window made anew from it, without any of the fold's code."""

    def __init__(self, born: dict[str, Life]) -> None:
        self.born = born
        self.loads: dict[str, dict[float, float]] = {}
        self.heard: dict[str, dict[float, float]] = {}
        self.since: dict[str, float] = {}
        self.latest: dict[str, float] = {}

    def take(self, sample: Health | Requests, at: float) -> None:
        """Keep what is neither late nor of the future nor of somebody unknown; of two for one time the larger."""
        if not at - WINDOW <= sample.at <= at + RULES.max_future_s:
            return
        if isinstance(sample, Requests):
            seen = self.heard.setdefault(sample.balancer, {})
            middle = sample.at - 0.5
            seen[middle] = max(sample.in_flight, seen.get(middle, 0.0))
            self.since[sample.balancer] = min(self.since.get(sample.balancer, math.inf), sample.at - 1.0)
            self.latest[sample.balancer] = max(self.latest.get(sample.balancer, -math.inf), sample.at)
        elif sample.load_average is not None and self._known(sample.member, at):
            kept = self.loads.setdefault(sample.member, {})
            kept[sample.at] = max(sample.load_average, kept.get(sample.at, 0.0))

    def _known(self, member: str, at: float) -> bool:
        """A member is known from the tick after it was told until all that is kept of it has passed."""
        life = self.born[member]
        return life.start <= at and not life.end < at - 1 - WINDOW - LEAD

    def load(self, at: int) -> list[float]:
        """Sum over those that serve, scaled by serving / known; NaN where nobody is known."""
        totals = []
        for k in range(at - WINDOW, at):
            serving = [m for m in NAMES if self._serves(m, k + 0.5, at)]
            values = [v for m in serving if not math.isnan(v := self._held(self.loads.get(m, {}), k, HELD))]
            total = 0.0
            for value in values:
                total += value
            totals.append(total * (len(serving) / len(values)) if values else math.nan)
        return totals

    def in_flight(self, at: int) -> list[float]:
        """Sum over the balancers, each from its first interval on; unknown where one of them is."""
        totals = []
        for k in range(at - WINDOW, at):
            begun = [b for b in sorted(self.heard) if k + 0.5 >= self.since[b]]
            total = 0.0
            for balancer in begun:
                total += self._held(self.heard[balancer], k, RULES.stale_periods)
            totals.append(total if begun else math.nan)
        return totals

    def _serves(self, member: str, when: float, at: int) -> bool:
        """Say whether a member served then, as far as a tick knows."""
        life = self.born[member]
        return life.start <= at and life.start <= when and (when < life.end or life.end > at)

    def _held(self, kept: dict[float, float], k: int, periods: int) -> float:
        """Return the mean of a period, or of the last one before it that has one."""
        for number in range(k, k - periods - 1, -1):
            inside = [kept[t] for t in sorted(kept) if math.floor(t) == number]
            if inside:
                total = 0.0
                for value in inside:
                    total += value
                return total / len(inside)
        return math.nan


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    samples=st.lists(st.one_of(healths, healths, requests), min_size=20, max_size=80),
    born=st.fixed_dictionaries(dict.fromkeys(NAMES, lives)),
    senders=st.tuples(forms, forms),
)
def test_windows_equal_a_recomputation_whatever_comes_and_goes(
    data: st.DataObject, samples: list[Health | Requests], born: dict[str, Life], senders: tuple[str, str]
) -> None:
    fold, brute, seen = Fold(0, RULES), Brute(born), list[Measured]()
    measure = fold._survey.measure

    def spy(*given: object) -> list[Measured]:
        seen[:] = measure(*given)  # type: ignore[arg-type]
        return seen

    fold._survey.measure = spy  # type: ignore[method-assign,assignment]
    fold.instance(0, an_instance(default_lead_time_s=1.0))
    again = samples[: len(samples) // 3]
    lower = [
        msgspec.structs.replace(s, load_average=s.load_average / 2)
        for s in again
        if isinstance(s, Health) and s.load_average
    ]
    arrivals = data.draw(st.permutations([*samples, *again, *lower]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arrivals)), min_size=TICKS - 1, max_size=TICKS - 1)))
    told = sorted([(life.start, m, State.ACTIVE) for m, life in born.items()] +
                  [(life.end, m, State.TERMINATED) for m, life in born.items()])  # fmt: skip
    offset = 0
    for i, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(arrivals)], strict=True)):
        at = BEGIN + i
        while offset < len(told) and told[offset][0] <= at:
            fold.member(offset, a_member(told[offset][1], state=told[offset][2], at=told[offset][0]))
            offset += 1
        batch = arrivals[begin:end]
        one, other = batch[::2], batch[1::2]
        for message in data.draw(st.permutations(messages(one, senders[0]) + messages(other, senders[1]))):
            fold.message(message)
        for sample in batch:
            brute.take(sample, at)
        (*_, forecasts) = fold.message(raw(a_tick(float(at), members=offset)))

        assert isinstance(forecasts, Forecasts)
        totals = {total.signal: total for total in seen[0].totals}
        load = totals[Signal.LOAD_AVERAGE].values  # summed in another order
        np.testing.assert_allclose(load, brute.load(at), rtol=1e-14)
        if brute.heard:
            assert np.array_equal(totals[Signal.REQUESTS_IN_FLIGHT].values, brute.in_flight(at), equal_nan=True)
