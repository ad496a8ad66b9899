"""Every predictor by its name, and the shape that all have."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from predictors import parts
from predictors.ensemble import Ensemble
from predictors.formulas import Kinematic, Last, Seasonal
from predictors.plain import Plain
from predictors.season import Season
from predictors.series import Bools, Floats, Forecast, Rows, rows
from predictors.stratos import Stratos


class Predictor(Protocol):
    """Forecasts many series at once, each a row, on a regular grid of steps.

    A state is a part (:mod:`predictors.parts`): its rows can be taken, joined and stored. No row knows of another:
    a row's forecasts are the same to the bit whatever stands beside it. Memory is bounded from the start.
    """

    def new(self, rows: Rows, *, longest: int | None = None) -> Any:
        """Make the state of rows that have seen nothing.

        ``longest`` is the longest horizon (steps) that rows joined to it later may have; without it, that of ``rows``.
        """
        ...

    def step(self, state: Any, y: Floats, *, learn: Bools | None = None) -> Forecast:
        """Take in one step and forecast the horizon from now; changes the state in place.

        ``y`` is float64[m]: the mean of each series over the step (U); NaN where it has none, which counts as a gap.
        ``learn`` is bool[m]: false where the step is on a bad day, that no season is to remember; without it all count.
        """
        ...

    def seasons(self, state: Any) -> Sequence[tuple[Season, int]]:
        """Return the seasons that it remembers, each with its length in periods; what was before can be recalled."""
        ...


_GIVEN = ("step_s", "horizon_s", "period_s", "ceiling", "phase")
ENSEMBLE = "ensemble"
"""The default."""
LAST = "last"
"""What the others are measured by."""
PREDICTORS: Mapping[str, Predictor] = MappingProxyType(
    {
        LAST: Plain(Last()),
        "kinematic": Plain(Kinematic()),
        "stratos-4.1": Plain(Stratos()),
        "seasonal": Plain(Seasonal()),
        ENSEMBLE: Ensemble(),
    }
)


def load(predictor: Predictor, raw: bytes) -> Any:
    """Return the state that :func:`predictors.parts.dump` stored; it goes on as the first would have.

    Raises
    ------
    ValueError
        If it was stored by another predictor or version, or is no state at all.
    """
    found = parts.stored(raw)
    try:
        shape = rows(found["rows.step_s"].size, **{name: found[f"rows.{name}"] for name in _GIVEN})
        longest = found["margin.pending.values"].shape[0] - 1
    except KeyError as error:
        raise ValueError(f"not a stored state: no {error}") from error
    return parts.fill(predictor.new(shape, longest=longest), found)
