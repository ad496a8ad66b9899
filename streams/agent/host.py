"""A whole host as the source: for agents on a virtual machine."""

import os

import psutil

from streams.agent.measure import Usage, percent


class Host:
    """Load average of one minute / cores; memory without what the kernel can give back (MemAvailable)."""

    def measure(self, at: float) -> Usage:  # noqa: ARG002 - the kernel averages by itself
        """Measure the host."""
        memory = psutil.virtual_memory()
        return Usage(
            load_average=100.0 * os.getloadavg()[0] / cores(),
            memory_consumption=percent(memory.total - memory.available, memory.total),
        )


def cores() -> int:
    """Return the number of processors of this host, at least 1."""
    return os.cpu_count() or 1


def total_memory() -> int:
    """Return the memory of this host (bytes)."""
    return int(psutil.virtual_memory().total)
