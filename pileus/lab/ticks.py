"""Every tick of a replay as a row of CSV: what was seen, foretold, wanted and had, and why."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from actuators.lab.course import Course
from actuators.lab.report import Outcome, Trial, run
from actuators.lab.score import demand_of, supply_of
from pileus.load.recorded import rfc3339
from streams.records.decision import Decision

HEAD = ("at", "time", "signal", "observed", "forecast", "upper", "needed", "serving", "wanted", "code", "said")


def run_with_ticks(trial: Trial, path: Path, *, seen: Course, baseline: bool = True) -> Outcome:
    """Replay a trial tick by tick and write each decision; slower than :func:`actuators.lab.report.run`."""
    taken: list[Decision] = []
    outcome = run(trial, seen=seen, baseline=baseline, watch=lambda _, decision: taken.append(decision))
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(HEAD)
        writer.writerows(_rows(outcome, taken))
    return outcome


def _rows(outcome: Outcome, taken: Sequence[Decision]) -> list[tuple[object, ...]]:
    """Return a row for each tick; ``needed`` and ``serving`` are those of the period that the tick ends."""
    trial, course = outcome.trial, outcome.loop.course
    need = demand_of(trial.load, trial.capacity)
    times, members = supply_of(outcome.loop.fleet)
    starts = course.start + np.arange(course.periods) * course.step_s
    serving = members[np.clip(np.searchsorted(times, starts, side="right") - 1, 0, None)]
    rows: list[tuple[object, ...]] = []
    for i, decision in enumerate(taken):
        reason = decision.reasons[-1]
        at = f"{decision.at:.3f}".rstrip("0").rstrip(".")
        for name in trial.spec.policy.thresholds:
            seen = course.seen[name]
            numbers = (seen.observed[i], seen.ahead.point[i], seen.ahead.upper[i], need[i], serving[i])
            cells = ("" if np.isnan(value) else f"{value:.6g}" for value in numbers)
            rows.append((at, rfc3339(decision.at), name, *cells, decision.wanted, reason.code.value, reason.said))
    return rows
