"""Results as a table for a terminal."""

from collections.abc import Sequence

from pileus.lab.result import Figures, Result

COLUMNS = (
    ("policy", "<"),
    ("predictor", "<"),
    ("theta_U %", ">"),
    ("theta_O %", ">"),
    ("tau_U %", ">"),
    ("short min", ">"),
    ("lost %", ">"),
    ("unstable %", ">"),
    ("starts/h", ">"),
    ("member-h", ">"),
    ("cost", ">"),
    ("relMAE", ">"),
    ("speed-up", ">"),
)


def table(results: Sequence[Result]) -> str:
    """Return every load's results: two lines for each, the policy's and that of the last value at equal cost."""
    loads = dict.fromkeys(each.load for each in results)
    return "\n".join(_load([each for each in results if each.load == load]) for load in loads)


def _load(results: Sequence[Result]) -> str:
    """Return one load's results."""
    first = results[0]
    carries = ", ".join(f"{value:g} {name}" for name, value in first.capacity.items())
    about = (
        f"{first.load}: {first.hours:.1f} h in steps of {first.step_s:g} s, members take {first.boot_s:g} s to serve"
    )
    lines = [f"{about} and carry {carries}; forecasts look {first.horizon_s:g} s ahead"]
    if first.unknown_minutes or first.saturated_minutes:
        lines.append(
            f"low confidence: {first.unknown_minutes:.0f} minutes without data (not scored), "
            f"{first.saturated_minutes:.0f} at the recording's ceiling (the true load may have been higher)"
        )
    rows = [tuple(name for name, _ in COLUMNS)]
    for each in results:
        skill = each.skills[0].relmae if each.skills else None
        rows.append(
            _row(each.policy, each.predictor, each.figures, skill, each.beside.speed_up if each.beside else 1.0)
        )
        if each.beside is not None and each.verdict != "same":
            headroom = f"last + {100.0 * each.beside.headroom:.1f} %"
            rows.append(_row("  same cost:", headroom, each.beside.figures, 1.0, 1.0))
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines += [
        "  ".join(f"{cell:{side}{width}}" for cell, (_, side), width in zip(row, COLUMNS, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines += [f"{each.verdict.upper()}: {each.policy} with {each.predictor}: {each.said}" for each in results]
    return "\n".join([*lines, ""])


def _row(policy: str, predictor: str, made: Figures, relmae: float | None, speed: float | None) -> tuple[str, ...]:
    numbers = (
        (made.theta_u, 2),
        (made.theta_o, 1),
        (made.tau_u, 2),
        (made.slo_minutes, 0),
        (made.lost_load, 2),
        (made.instability, 1),
        (made.starts_per_hour, 2),
        (made.member_hours, 1),
        (made.cost, 2),
        (relmae, 3),
        (speed, 2),
    )
    return (policy, predictor, *(number(value, digits) for value, digits in numbers))


def number(value: float | None, digits: int) -> str:
    """Write a number; what is unknown is a dash."""
    return "-" if value is None or value != value else f"{value:.{digits}f}"  # noqa: PLR0124 - NaN
