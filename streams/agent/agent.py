"""The loop of the cartridge agent: measure, ask, read, export, publish; at fixed times, until told to stop."""

import math
from collections.abc import Callable, Sequence
from datetime import tzinfo

from streams.agent.beside import Beside, Identity, Publish
from streams.agent.exports import Exports
from streams.agent.follow import Follower
from streams.agent.measure import Source
from streams.partition import application_key, murmur2
from streams.records.sample import Health
from streams.topics import SAMPLES

LOOK_S = 0.5
"""Log files are looked at so often (s)."""
GONE_S = 3.0
"""An agent ends when its instance has been gone so long (s)."""


def phase_of(member: str, interval_s: float) -> float:
    """Return when within an interval this member samples (s): members spread, each stays where it is."""
    return murmur2(member.encode()) / 2**32 * interval_s


def next_due(now: float, *, interval_s: float, phase_s: float) -> float:
    """Return the first time after ``now`` of the form ``k * interval + phase`` (s)."""
    due = math.floor((now - phase_s) / interval_s + 1.0) * interval_s + phase_s
    return due if due > now else due + interval_s


class Agent:
    """Measure one instance until it is gone.

    ``now`` is the time of day (s since the Unix epoch) that samples carry, ``clock`` a monotonic time (s)
    that differences are taken of.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        source: Source,
        publisher: Publish,
        interval_s: float,
        now: Callable[[], float],
        clock: Callable[[], float],
        probe: Callable[[], bool] | None = None,
        logs: Sequence[Follower] = (),
        exports: Exports | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        self._identity = identity
        self._source, self._probe = source, probe
        self._beside = Beside(identity, publisher=publisher, now=now, logs=logs, exports=exports, zone=zone)
        self._publisher = publisher
        self._interval_s = interval_s
        self._phase_s = phase_of(identity.member, interval_s)
        self._now, self._clock = now, clock
        self._key = application_key(identity.tenant, identity.application)
        self._gone_since: float | None = None

    def run(self, wait: Callable[[float], bool]) -> None:
        """Go on until ``wait(seconds)`` says True (stop) or the instance has been gone for ``GONE_S``."""
        due = self._next(self._now())
        while not wait(self._delay(due)):
            now = self._now()
            if due - now > self._interval_s:  # the clock was set back
                due = self._next(now)
            if now >= due:
                self._sample(now)
                due = self._next(max(self._now(), due))
            self._beside.read()
            self._beside.export()
            if self._gone_since is not None and self._clock() - self._gone_since >= GONE_S:
                break
        self._beside.read()

    def _next(self, now: float) -> float:
        """Return when the next sample is due."""
        return next_due(now, interval_s=self._interval_s, phase_s=self._phase_s)

    def _delay(self, due: float) -> float:
        """Return how long to wait (s): to the next sample, less when logs or an absent instance want a look."""
        longest = LOOK_S if self._beside.has_logs or self._gone_since is not None else self._interval_s
        return min(max(due - self._now(), 0.0), longest)

    def _sample(self, now: float) -> None:
        """Measure and publish one sample."""
        usage = self._source.measure(self._clock())
        if usage.present:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = self._clock()
        who = self._identity
        sample = Health(
            tenant=who.tenant,
            application=who.application,
            cluster=who.cluster,
            member=who.member,
            at=now,
            load_average=usage.load_average,
            memory_consumption=usage.memory_consumption,
            healthy=self._probe() if self._probe else None,
        )
        self._publisher.publish(SAMPLES, sample, key=self._key)
