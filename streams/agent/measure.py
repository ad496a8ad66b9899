"""What a source measures, and how readings become percent. Missing is ``None``, never zero."""

import math
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an instance uses at one moment."""

    load_average: float | None
    """Percent of what the instance may use; may exceed 100 on a host."""
    memory_consumption: float | None
    """Percent of what the instance may use, 0..100."""
    present: bool = True
    """False when the instance is gone."""


GONE = Usage(load_average=None, memory_consumption=None, present=False)


class Source(Protocol):
    """Measure one instance."""

    def measure(self, at: float) -> Usage:
        """Measure now; ``at`` is a monotonic time (s). Never raises: what cannot be read is ``None``."""
        ...


class CpuMeter:
    """Turn a CPU time that only grows into a load."""

    def __init__(self) -> None:
        self._before: tuple[float, float] | None = None

    def load(self, at: float, cpu_s: float | None, cpus: float) -> float | None:
        """Return CPU time since the last call / (interval x ``cpus``) in percent.

        ``None`` at first, when the CPU time is unknown, and when it or the clock went backwards.
        """
        if cpu_s is None:
            return None
        before, self._before = self._before, (at, cpu_s)
        if before is None or at <= before[0] or cpu_s < before[1] or cpus <= 0:
            return None
        return 100.0 * (cpu_s - before[1]) / ((at - before[0]) * cpus)


def percent(part: float | None, whole: float | None) -> float | None:
    """Return ``part`` of ``whole`` in percent, within 0..100; ``None`` when either is unknown."""
    if part is None or whole is None or not whole > 0 or not math.isfinite(part):
        return None
    return min(max(100.0 * part / whole, 0.0), 100.0)
