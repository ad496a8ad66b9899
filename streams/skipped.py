"""What was *skipped*: given up because newer samples came before a tick asked for it. Summed up, never silent."""

from dataclasses import dataclass, field
from itertools import islice

from streams.records.apart import misfit
from streams.records.columns import HealthBlock
from streams.records.sample import Health, HealthColumns, Requests
from streams.refusals import Refusals

Held = Health | HealthColumns | HealthBlock | Requests
"""What waits for the next tick."""
TOLD = 100
"""Clusters that are counted apart; what others lost stands in the sum."""
NAMED = 3
"""Clusters that are told, those that lost most."""
REASON = "Skipped"


@dataclass(slots=True)
class Skipped:
    """What was skipped since the last tick."""

    count: int = 0
    """Samples."""
    first_at: float = 0.0
    """Time of the one that came first (s since the Unix epoch) ..."""
    last_at: float = 0.0
    """... and of the one that came last."""
    clusters: dict[str, int] = field(default_factory=dict)

    def add(self, sample: Held) -> None:
        """Count a message."""
        samples, at = weight(sample), _time(sample)
        if not self.count:
            self.first_at = at
        self.count, self.last_at = self.count + samples, at
        if sample.cluster in self.clusters or len(self.clusters) < TOLD:
            self.clusters[sample.cluster] = self.clusters.get(sample.cluster, 0) + samples

    def tell(self, refusals: Refusals, *, room: int) -> None:
        """Count all of it as one refusal: how many, from when to when, and whose they are mostly."""
        if not self.count:
            return
        said = f"only the newest {room} bytes between two ticks count; skipped"
        most = islice(sorted(self.clusters.items(), key=lambda each: (-each[1], each[0])), NAMED)
        whose = ", ".join(f"{cluster[:40]} {samples}" for cluster, samples in most)
        refusals.add(REASON, said, f"from {self.first_at} to {self.last_at}", count=self.count)
        refusals.add(REASON, f"of {len(self.clusters)} clusters mostly", whose, count=0)


def weight(sample: Held) -> int:
    """Return how many samples a message carries; columns that do not fit count once."""
    if isinstance(sample, HealthBlock):
        return 1 if misnamed(sample) else sample.at.size
    return len(sample.member) if isinstance(sample, HealthColumns) and not misfit(sample) else 1


def misnamed(block: HealthBlock) -> str:
    """Say why the names of a binary envelope cannot be read; empty when they can."""
    try:
        block.members  # noqa: B018 - reads them
    except ValueError as error:
        return str(error)
    return ""


def _time(sample: Held) -> float:
    """Return the time of a message's first sample; 0 when it has none."""
    if isinstance(sample, Health | Requests):
        return sample.at
    return float(sample.at[0]) if len(sample.at) else 0.0
