"""A *roster* is the membership of one cluster in columns, made anew only when the membership changes."""

import math
from dataclasses import dataclass

import numpy as np

from streams.bucket import Bools, Ints
from streams.membership import Membership, end_of, start_of
from streams.window import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """The members of a cluster that served within its window, or will: sorted by name, a column each."""

    names: list[str]
    rows: Ints
    """In the store."""
    start: Floats
    """When each began to serve; infinite: it has not."""
    end: Floats
    """When it ended; infinite: it has not."""
    serving: Bools
    wanted: Bools
    """Whether it serves or is on its way."""
    coming: list[str]
    """The names of those."""
    starting: int
    first_end: float
    """When the first span that ended did so: once the window is past it, the roster is another."""

    @classmethod
    def made(cls, membership: Membership, rows: dict[str, int]) -> "Roster":
        """Lay a membership out."""
        serving, wanted = set(membership.serving()), set(membership.wanted())
        names = sorted({*membership.served, *wanted})
        spans = [membership.served.get(name) for name in names]
        return cls(
            names=names,
            rows=np.array([rows[name] for name in names], dtype=np.int64),
            start=np.array([start_of(span) for span in spans], dtype=np.float64),
            end=np.array([end_of(span) for span in spans], dtype=np.float64),
            serving=np.array([name in serving for name in names], dtype=np.bool_),
            wanted=np.array([name in wanted for name in names], dtype=np.bool_),
            coming=names if len(names) == len(wanted) else sorted(wanted),
            starting=membership.starting(),
            first_end=min(map(end_of, membership.served.values()), default=math.inf),
        )

    @property
    def serves(self) -> int:
        """How many serve now."""
        return int(self.serving.sum())


def known(membership: Membership) -> set[str]:
    """Return every member that samples are taken of: alive, or within the window."""
    return {*membership.alive, *membership.served}
