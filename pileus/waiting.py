"""What waits for a stream worker, as ``pileus status`` tells it."""

import time
from collections.abc import Sequence
from contextlib import suppress

from aiokafka.errors import KafkaError

from streams.lag import Lag, lags

WITHIN_S = 3.0
"""How long the broker may take to say it; longer: it is not known."""


async def waiting(broker: str, partitions: int) -> list[Lag]:
    """Return the lag of each partition of ``pileus.samples``; empty when the broker does not say."""
    with suppress(KafkaError, OSError, TimeoutError):
        return await lags(broker, range(partitions), now=time.time(), within_s=WITHIN_S)  # noqa: TID251 - for a shell
    return []


def document(found: Sequence[Lag]) -> list[dict[str, float]]:
    """Return the lag for JSON."""
    return [{"partition": each.partition, "messages": each.messages, "seconds": each.seconds} for each in found]


def note(found: Sequence[Lag], *, most_s: float) -> str:
    """Say what waits for longer than ``most_s``, roughly: one digit, for it changes all the time; else nothing."""
    behind = [each for each in found if each.seconds > most_s]
    if not behind:
        return ""
    messages, seconds = (float(f"{n:.1g}") for n in (sum(b.messages for b in behind), max(b.seconds for b in behind)))
    numbers = ", ".join(str(each.partition) for each in behind)
    return f"about {messages:,.0f} messages wait for a worker, for up to {seconds:.0f} s (pileus.samples {numbers})"
