"""How old samples were at the tick that counted them: a histogram, counted a tick at a time."""

from dataclasses import dataclass, field

import numpy as np

from streams.window import Floats

BOUNDS_S = (0.0, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds of the classes (s), each included; what is older has a class of its own. Below 0: ahead of the tick."""


@dataclass(slots=True)
class Ages:
    """Samples by their age."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    total_s: float = 0.0
    """Sum of all ages that are numbers; below 0 counts as 0."""

    def count(self, ages_s: Floats) -> None:
        """Count samples of these ages (s); one that is no number is too old."""
        classes = np.bincount(np.searchsorted(BOUNDS_S, ages_s), minlength=len(self.counts))
        self.counts = [before + more for before, more in zip(self.counts, classes.tolist(), strict=True)]
        self.total_s += float(np.maximum(ages_s[np.isfinite(ages_s)], 0.0).sum())
