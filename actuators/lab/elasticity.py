"""Elasticity as the SPEC research group defines it (Herbst et al., "Ready for Rain", SPEC-RG-2016-01).

Demand d is the least number of members that carries the load, supply s the number that serves; both hold between
``edges``. Where the demand is NaN (nobody knows what was asked for) nothing is scored.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FEWEST = 1.0
"""Demand that shortage and surplus are divided by at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elasticity:
    """All in percent; lower is better, 0 is ideal."""

    theta_u: float
    """Mean shortage, relative to the demand."""
    theta_o: float
    """Mean surplus, relative to the demand."""
    tau_u: float
    """Share of the time with too few members."""
    tau_o: float
    """Share of the time with too many."""
    instability: float
    """Share of the time in which supply and demand move differently."""


def elasticity(edges: Floats, demand: Floats, supply: Floats, *, step_s: float) -> Elasticity:
    """Score a supply.

    Parameters
    ----------
    edges : float64[n + 1]
        When demand or supply changes (s), increasing.
    demand, supply : float64[n]
        Members between two edges; demand may be NaN.
    step_s : float
        How often the instability looks (s): at which demand comes.

    Notes
    -----
    theta_U = 100 / T sum max(d - s, 0) / d dt, theta_O likewise; tau_U = 100 / T sum max(sgn(d - s), 0) dt;
    instability = 100 / (T - t1) sum min(|sgn(ds) - sgn(dd)|, 1) dt. A demand below one member counts as one where it
    divides.
    """
    known = np.isfinite(demand)
    lasts = np.where(known, np.diff(edges), 0.0)
    total = float(lasts.sum())
    if total <= 0.0:
        nan = float("nan")
        return Elasticity(theta_u=nan, theta_o=nan, tau_u=nan, tau_o=nan, instability=nan)
    lack = np.where(known, demand - supply, 0.0)
    share = lack / np.where(known, np.maximum(demand, FEWEST), 1.0)
    percent = 100.0 / total
    return Elasticity(
        theta_u=percent * float((np.maximum(share, 0.0) * lasts).sum()),
        theta_o=percent * float((np.maximum(-share, 0.0) * lasts).sum()),
        tau_u=percent * float(lasts[lack > 0.0].sum()),
        tau_o=percent * float(lasts[lack < 0.0].sum()),
        instability=_instability(edges, demand, supply, step_s),
    )


def _instability(edges: Floats, demand: Floats, supply: Floats, step_s: float) -> float:
    """Compare the directions in which supply and demand move from one look to the next."""
    count = max(1, round((edges[-1] - edges[0]) / step_s))
    looks = edges[0] + (np.arange(count) + 0.5) * step_s
    places = np.clip(np.searchsorted(edges, looks, side="right") - 1, 0, demand.size - 1)
    moved, asked = np.diff(supply[places]), np.diff(demand[places])
    known = np.isfinite(asked)
    if not known.any():
        return float("nan")
    differ = np.minimum(np.abs(np.sign(moved[known]) - np.sign(asked[known])), 1.0)
    return 100.0 * float(differ.mean())


def speed_up(mine: Elasticity, other: Elasticity) -> float | None:
    """Return the elastic speed-up over another supply: the geometric mean of its four ratios; above 1 is better.

    Where both are ideal in a measure, that ratio is 1. ``None`` where only one of them is: there is no number for it.
    """
    product = 1.0
    for name in ("theta_u", "theta_o", "tau_u", "tau_o"):
        own, others = getattr(mine, name), getattr(other, name)
        if own == others:
            continue
        if not (own > 0.0 and others > 0.0):
            return None
        product *= others / own
    return float(product**0.25)


def merged(*steps: tuple[Floats, Floats], begin: float, end: float) -> tuple[Floats, list[Floats]]:
    """Lay functions that are constant between their changes on common edges from ``begin`` to ``end``.

    Each function is the times of its changes (increasing; the first not after ``begin``) and its values from there on.
    """
    inside = [at[(at > begin) & (at < end)] for at, _ in steps]
    edges = np.unique(np.concatenate([*inside, [begin, end]]))
    values = [value[np.clip(np.searchsorted(at, edges[:-1], side="right") - 1, 0, None)] for at, value in steps]
    return edges, values
