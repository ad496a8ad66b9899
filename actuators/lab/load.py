"""A *load* of the laboratory: what a cluster had to carry, period by period, whatever carried it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)
PLATEAU = 3
"""Periods in a row at the very maximum from which on a recording looks cut off."""
MANY = 20
"""Different values from which on a plateau at the maximum is no accident."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Load:
    """One cluster's load. Period i is ``[start + i step_s, start + (i + 1) step_s)``."""

    name: str
    start: float
    """s since the Unix epoch, or since any other moment."""
    step_s: float
    """Length of a period (s, > 0)."""
    signals: Mapping[str, Floats]
    """Total over the cluster in each period, by signal, all of one length: requests in flight, or percent of one
    member. NaN: unknown."""
    saturated: Flags
    """Where the recording may show what was carried, not what was asked for."""

    @property
    def periods(self) -> int:
        """Return how many periods it has."""
        return int(self.saturated.size)

    @property
    def unknown(self) -> Flags:
        """Return where some signal is unknown."""
        missing: Flags = np.logical_or.reduce([np.isnan(values) for values in self.signals.values()])
        return missing

    def part(self, first: int, last: int) -> "Load":
        """Return the periods from ``first`` to before ``last``."""
        return replace(
            self,
            start=self.start + first * self.step_s,
            signals={name: values[first:last] for name, values in self.signals.items()},
            saturated=self.saturated[first:last],
        )

    def scaled(self, factor: float) -> "Load":
        """Return the load multiplied by ``factor`` (> 0)."""
        return replace(self, signals={name: values * factor for name, values in self.signals.items()})

    def every(self, step_s: float) -> "Load":
        """Return the load in periods of another length: shorter ones hold the value, longer ones take the mean.

        Raises
        ------
        ValueError
            If neither length is a multiple of the other.
        """
        finer, coarser = self.step_s / step_s, step_s / self.step_s
        if _whole(finer):
            times = round(finer)
            return replace(
                self,
                step_s=step_s,
                signals={name: np.repeat(values, times) for name, values in self.signals.items()},
                saturated=np.repeat(self.saturated, times),
            )
        if not _whole(coarser):
            raise ValueError(f"step {step_s:g} s: must be a multiple or a whole part of the load's {self.step_s:g} s")
        times = round(coarser)
        return replace(
            self,
            step_s=step_s,
            signals={name: _means(values, times) for name, values in self.signals.items()},
            saturated=np.logical_or.reduce(_rows(self.saturated, times), axis=1),
        )


def saturated(values: Floats, ceiling: float | None = None) -> Flags:
    """Say where a recording is cut off: at ``ceiling`` or above; without one, on a plateau at its maximum.

    A plateau has at least three periods, in a recording of at least twenty different values.
    """
    if ceiling is not None:
        return values >= ceiling
    known = values[np.isfinite(values)]
    if known.size == 0 or np.unique(known).size < MANY:
        return np.zeros(values.shape, dtype=np.bool_)
    top = values >= known.max()
    edges = np.flatnonzero(np.diff(np.concatenate(([False], top, [False])).astype(np.int8)))
    flags = np.zeros(values.shape, dtype=np.bool_)
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        flags[begin:end] = end - begin >= PLATEAU
    return flags


def _whole(ratio: float) -> bool:
    """Say whether a ratio is a whole number, at least 1."""
    return round(ratio) >= 1 and abs(ratio - round(ratio)) < 1e-9  # noqa: PLR2004 - rounding


def _rows(values: NDArray[Scalar], times: int) -> NDArray[Scalar]:
    """Lay ``times`` periods in each row; what is left at the end falls away."""
    n = values.size // times
    return values[: n * times].reshape(n, times)


def _means(values: Floats, times: int) -> Floats:
    """Average the known periods of each row; NaN where none is known."""
    rows = _rows(values, times)
    known = np.isfinite(rows)
    count = known.sum(axis=1)
    sums = np.where(known, rows, 0.0).sum(axis=1)
    means: Floats = np.divide(sums, count, out=np.full(count.shape, np.nan), where=count > 0)
    return means
