"""One run: a broker, a load that changes, actuators that are killed again and again, and what the cloud says then."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pileus.stack.broker import Broker
from streams.admin import create_topics, publish_definitions
from streams.records.member import State
from streams.topics import ACTIONS, DECISIONS, MEMBERS, OUTCOMES
from tests.acting import Load, Scene
from tests.crashes.site import Site
from tests.pieces import Hand, Piece, Reader, fast, running
from tests.waiting import wait_until

READ = (MEMBERS, ACTIONS, OUTCOMES, DECISIONS)
MOST = 6
"""Most members that are wanted."""
WORKS_S = 1.6
"""A kill comes within this time after another number is wanted: while it decides, asks or records, or just after."""
STARTS_S = 4.0
"""One of :data:`AGAIN` comes within this time after the start: while it starts, claims, or catches up."""
AGAIN = 0.25
"""How many of the kills hit actuators that were just started."""
DONE_S = 120.0
"""Most that it may take to converge on a busy machine."""


@dataclass
class Killed:
    """What was done, and what came of it."""

    kills: int = 0
    at_work: int = 0
    """Kills while the cloud was not as wanted."""
    converged_s: list[float] = field(default_factory=list)
    """How long it took from each start to the wanted state (s)."""
    instances: int = 0
    """Instances that were ever started."""
    duplicates: dict[str, int] = field(default_factory=dict)
    """Members that were started more than once."""
    orphans: list[str] = field(default_factory=list)
    """Instances at the end that no record knows."""
    faults: dict[str, int] = field(default_factory=dict)
    """Calls that met a fault."""

    def __str__(self) -> str:
        took = np.asarray(self.converged_s)
        return (
            f"{self.kills} kills, {self.at_work} of them at work; converged {len(took)} of {len(took)} times, "
            f"median {np.median(took):.1f} s, maximum {took.max():.1f} s after the start; {self.instances} instances "
            f"ever, {len(self.duplicates)} duplicates, {len(self.orphans)} orphans; faults {self.faults}"
        )


class Rig:
    """The demo on one cloud, its load, and its actuators."""

    def __init__(self, broker: Broker, site: Site, folder: Path) -> None:
        self.site = site
        # seldom a checkpoint: much is decided again after a kill
        settings = fast(broker.address, folder, checkpoint_s=30.0, session_s=1.0, **site.settings)
        create_topics(settings.broker, partitions=settings.partitions, replication=1)
        self._hand, self._reader = Hand(settings.broker), Reader(settings.broker, READ, settings.partitions)
        self.scene = Scene(settings, self._hand, self._reader)
        self.load = Load(self._hand, self.scene.partition).start()
        self.actuators = Piece("actuate", settings, folder)
        publish_definitions(settings.broker, site.documents)

    def close(self) -> None:
        """End the load; the topics go with the broker."""
        self.load.stop()
        self._hand.close()
        self._reader.close()

    def converged(self) -> bool:
        """Say whether as many members live as are wanted, and the cloud has one running instance of each, no more."""
        living = {n: m for n, m in self.scene.members().items() if m.state is not State.TERMINATED}
        started = all(m.state in {State.STARTING, State.ACTIVE} for m in living.values())
        alike = {name: [m.instance] for name, m in living.items()} == self.site.alive()
        return len(living) == self.load.members and started and alike

    def await_converged(self) -> None:
        """Wait until it has."""
        try:
            wait_until(self._still_converging, within_s=DONE_S, what=f"{self.load.members} members, converged")
        except AssertionError as error:
            members = {name: (m.state.value, m.instance, m.reason) for name, m in self.scene.members().items()}
            living = {name: said for name, said in members.items() if said[0] != State.TERMINATED.value}
            log = self.actuators.said()[-3000:]
            raise AssertionError(f"{error}\nrecorded {living}\nthe cloud {self.site.alive()}\n{log}") from None

    def _still_converging(self) -> bool:
        assert self.actuators.alive(), "nobody but we may end it"
        return self.converged()


def storm(
    rig: Rig, *, kills: int, seed: int, faults: bool = False, tell: Callable[[str], None] = lambda _: None
) -> Killed:
    """Kill the actuators so often, each time after another number is wanted; wait each time until that is there."""
    chance, killed = np.random.default_rng(seed), Killed()
    with running(rig.actuators):
        rig.await_converged()
        while killed.kills < kills:
            rig.load.members = int(chance.choice([n for n in range(1, MOST + 1) if n != rig.load.members]))
            if faults:
                rig.site.disturb(chance)
            _kill(rig, killed, float(chance.uniform(0.0, WORKS_S)))
            if killed.kills < kills and chance.random() < AGAIN:
                _kill(rig, killed, float(chance.uniform(0.0, STARTS_S)))
            began = time.monotonic()
            rig.await_converged()
            killed.converged_s.append(time.monotonic() - began)
            _once(killed, rig)
            tell(f"{killed.kills} of {kills}: {rig.load.members} members after {killed.converged_s[-1]:.1f} s")
        killed.faults = rig.site.met()
    return killed


def _kill(rig: Rig, killed: Killed, after_s: float) -> None:
    """Kill the actuators after a while, and start them again."""
    threading.Event().wait(after_s)
    assert rig.actuators.alive(), f"ended by itself:\n{rig.actuators.said()[-3000:]}"
    rig.actuators.kill()
    killed.kills += 1
    killed.at_work += not rig.converged()
    rig.actuators.start()


def _once(killed: Killed, rig: Rig) -> None:
    """Count what the cloud says was ever started, and what it has that nobody knows."""
    launched: Counter[str] = rig.site.launched()
    killed.instances = launched.total()
    killed.duplicates = {member: n for member, n in launched.items() if n > 1}
    known = {m.instance for m in rig.scene.members().values()}
    killed.orphans = [i for instances in rig.site.alive().values() for i in instances if i not in known]
    assert not killed.duplicates, f"started more than once: {killed.duplicates}"
    assert not killed.orphans, f"no record knows: {killed.orphans}"


@contextmanager
def rig_on(broker: Broker, site: Site, folder: Path) -> Iterator[Rig]:
    """Make topics, and let the load flow."""
    rig = Rig(broker, site, folder)
    try:
        yield rig
    finally:
        rig.close()
