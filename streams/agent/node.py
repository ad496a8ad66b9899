"""The loop of the node agent: all instances of a host measured at fixed times, and sent as few messages.

Two loops: :meth:`Node.run` measures, :meth:`Node.follow` looks who is there and reads what they write. Whatever
takes its time there (an engine, a flood of lines) delays no sample. The probes of a round are asked before it, for
as long as the slowest may take: none delays it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from streams.agent.agent import GONE_S, LOOK_S, next_due, phase_of
from streams.agent.beside import Beside, Identity, Publish
from streams.agent.envelope import FORMS, envelopes
from streams.agent.measure import Source
from streams.agent.probe import Probe
from streams.agent.probes import WIDTH
from streams.agent.watched import Find, Found, Watched
from streams.records.sample import Health
from streams.topics import SAMPLES

MOST = 5000
"""Instances that one agent watches; of more, the first by name."""
SHARE = 0.2
"""Most of its time that looking may take: who is there, what was written."""
PROBING = 0.9
"""Most of an interval that the probes of a round may take: one takes 0.8 of it at most."""
SLACK = 0.05
"""Of an interval, for the last probe of a round to begin late."""


class Ask(Protocol):
    """Asks many probes at once; :func:`streams.agent.probes.ask_all` is one."""

    def __call__(self, probes: Mapping[Identity, Probe], *, within_s: float) -> dict[Identity, bool]:
        """Return the answers of those who were asked in time."""
        ...


@dataclass(slots=True)
class Opened:
    """One instance that is watched."""

    watched: Watched
    source: Source
    beside: Beside
    end: Callable[[], None]
    """Lets go of what its source and its files hold."""
    gone_since: float | None = None
    asked: int = -1
    """The round in which it was probed last."""

    def sample(
        self, at: float, clock: float, *, healthy: bool | None, told_as: Callable[[float], float]
    ) -> Health | None:
        """Measure; ``None`` when it has been gone for ``GONE_S``. ``told_as`` rounds what was measured."""
        usage = self.source.measure(clock)
        if usage.present:
            self.gone_since = None
        elif self.gone_since is None:
            self.gone_since = clock
        elif clock - self.gone_since >= GONE_S:
            return None
        who = self.watched.who
        return Health(
            tenant=who.tenant,
            application=who.application,
            cluster=who.cluster,
            member=who.member,
            at=at,
            load_average=None if usage.load_average is None else told_as(usage.load_average),
            memory_consumption=None if usage.memory_consumption is None else told_as(usage.memory_consumption),
            healthy=healthy,
        )


class Node:
    """Watch the instances of one host.

    ``name`` decides when within an interval it measures. ``now`` is the time of day (s since the Unix epoch) that
    samples carry, ``clock`` a monotonic time (s). ``finds`` say who is there, by the name of the place; ``open_``
    begins to watch an instance.
    """

    def __init__(
        self,
        name: str,
        *,
        finds: Mapping[str, Find],
        open_: Callable[[Watched], Opened],
        ask: Ask,
        publisher: Publish,
        interval_s: float,
        form: str,
        now: Callable[[], float],
        clock: Callable[[], float],
        tell: Callable[[str], None],
    ) -> None:
        self._finds, self._open, self._ask = finds, open_, ask
        self._publisher = publisher
        self._interval_s, self._phase_s = interval_s, phase_of(name, interval_s)
        self._write, self._told_as = FORMS[form]
        self._now, self._clock = now, clock
        self._tell = tell
        self._said: dict[str, str] = {}
        self._found: dict[str, Found] = {}
        self._wanted: Found = {}
        self._opened: Mapping[Identity, Opened] = {}
        self._round = 0

    @property
    def watched(self) -> int:
        """Return how many instances are watched."""
        return len(self._opened)

    def follow(self, wait: Callable[[float], bool]) -> None:
        """Look again and again, until ``wait(seconds)`` says True; then let go of everything."""
        took = 0.0
        while not wait(max(LOOK_S, took / SHARE)):
            began = self._clock()
            self.look()
            took = self._clock() - began
        for each in self._opened.values():
            each.beside.read()
            each.end()

    def look(self) -> None:
        """See who is there, and publish what they wrote. Where that cannot be seen, those known are watched."""
        for place, find in self._finds.items():
            try:
                self._found[place] = find()
            except OSError as error:
                self._say(place, str(error))
            else:
                self._say(place, "")
        self._watch({who: each for found in self._found.values() for who, each in found.items()})
        for each in self._opened.values():
            each.beside.read()
            each.beside.export()

    def run(self, wait: Callable[[float], bool]) -> None:
        """Measure until ``wait(seconds)`` says True."""
        due = self._next(self._now())
        while not wait(self._delay(due - self._probing_s())):
            if self._now() < due - self._probing_s() - self._interval_s:  # the clock was set back
                due = self._next(self._now())
            elif self._now() >= due - self._probing_s():
                answers = self.probe()
                if wait(self._delay(due)):
                    return
                self.sample(answers)
                due = self._next(max(self._now(), due))

    def probe(self) -> dict[Identity, bool]:
        """Ask those that have a probe; who was not asked for longest comes first."""
        asked = {
            who: each.watched.probe
            for who, each in sorted(self._opened.items(), key=lambda item: item[1].asked)
            if each.watched.probe is not None
        }
        self._round += 1
        try:
            answers = self._ask(asked, within_s=self._probing_s()) if asked else {}
        except OSError as error:
            answers = {}
            self._say("probes", f"cannot be asked now: {error}")
        else:
            self._say("probes", "")
        for who in answers.keys() & self._opened.keys():
            self._opened[who].asked = self._round
        return answers

    def sample(self, answers: Mapping[Identity, bool]) -> None:
        """Measure all and publish it, a message for each application."""
        found = []
        for who, each in self._opened.items():
            at, healthy = round(self._now(), 3), answers.get(who)
            sample = each.sample(at, self._clock(), healthy=healthy, told_as=self._told_as)
            if sample is not None:
                found.append(sample)
        for key, many in envelopes(found):
            self._publisher.publish(SAMPLES, self._write(many), key=key)

    def _watch(self, found: Found) -> None:
        """Begin to watch who is new, and let go of who is gone or another one by now. The order stays the same."""
        if found == self._wanted:
            return
        self._wanted = found
        self._say("instances", f"there are {len(found)}, {MOST} are watched" if len(found) > MOST else "")
        before, kept = self._opened, dict[Identity, Opened]()
        for who in sorted(found, key=lambda who: (who.tenant, who.application, who.cluster, who.member))[:MOST]:
            each = before.get(who)
            kept[who] = self._open(found[who]) if each is None or each.watched != found[who] else each
        self._opened = kept
        for who, each in before.items():
            if kept.get(who) is not each:
                each.beside.read()
                each.end()

    def _probing_s(self) -> float:
        """Return how long before a sample its probes are asked (s): as long as all may take."""
        times = [each.watched.probe.timeout_s for each in self._opened.values() if each.watched.probe is not None]
        if not times:
            return 0.0
        waves = math.ceil(len(times) / WIDTH)
        return min(waves * max(times) + SLACK * self._interval_s, PROBING * self._interval_s)

    def _next(self, now: float) -> float:
        """Return when the next samples are due."""
        return next_due(now, interval_s=self._interval_s, phase_s=self._phase_s)

    def _delay(self, until: float) -> float:
        """Return how long to wait (s), an interval at most: the clock may be set back meanwhile."""
        return min(max(until - self._now(), 0.0), self._interval_s)

    def _say(self, what: str, text: str) -> None:
        """Tell what does not work when it stops working, and when it works again."""
        if text != self._said.get(what, ""):
            self._said[what] = text
            self._tell(f"{what}: {text or 'all right again'}")
