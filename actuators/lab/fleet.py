"""The members of a replay boot, serve, fail, drain and end under virtual time; :mod:`actuators.plan` moves them."""

import heapq
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from actuators.actions import ordinal
from actuators.lab.world import World
from actuators.lifecycle import PRESENT, move, recalled
from actuators.place import place, place_of
from actuators.plan import OLDEST, plan
from config.cluster import ClusterSpec, PartitionSpec
from streams.records.member import Member, State

SERVES, FAILS, NOTICED, GONE = "serves", "fails", "noticed", "gone"


@dataclass(frozen=True, slots=True)
class Life:
    """When a member was asked for and when it was gone (s); ``end`` is infinite while it lives."""

    place: str
    begin: float
    end: float


class Fleet:
    """The members of one cluster. Pure: its time is what it is told."""

    def __init__(self, spec: ClusterSpec, world: World, *, at: float, members: int) -> None:
        self.spec, self.world = spec, world
        self.members: dict[str, Member] = {}
        """Those that are not gone."""
        self.serving = 0
        """Members that the decider counts as serving."""
        self.starting = 0
        self.launched = self.ended = self.failed = 0
        """How many there were, without those of the beginning."""
        self.supply: list[tuple[float, int]] = []
        """When the number of members that really carry load changed (s), and to what."""
        self.next_at = math.inf
        """When something happens by itself next (s)."""
        self.lives: list[Life] = []
        """Of those that are gone."""
        self.moved = False
        """Whether something changed since :meth:`follow` looked last."""
        self._number = self._given = 0
        self._placed: Counter[str] = Counter()
        """How many members each partition has, as :func:`actuators.place.counts` says."""
        self._broken: set[str] = set()
        self._ready: dict[str, float] = {}
        """When each member has booted, or will have (s)."""
        self._events: list[tuple[float, int, str, str]] = []
        for _ in range(members):
            self._add(at, boot_s=0.0)
        self.advance(at)
        self.launched, self.moved = 0, False

    @property
    def present(self) -> int:
        """Return how many members count towards the number wanted."""
        return sum(member.state in PRESENT for member in self.members.values())

    def advance(self, at: float) -> None:
        """Let everything happen that happens by itself until ``at``, included."""
        while self._events and self._events[0][0] <= at:
            when, _, what, name = heapq.heappop(self._events)
            if (member := self.members.get(name)) is not None:
                self._happen(when, what, member)
        self.next_at = self._events[0][0] if self._events else math.inf

    def follow(self, wanted: int, at: float, why: str) -> None:
        """Do what leads to ``wanted`` members: recall, launch, drain."""
        missing = wanted - self.serving - self.starting
        if missing == 0:
            self.moved = False
            return
        asked, wanted = self._concerned(missing, wanted)
        todo = plan(asked, wanted=wanted, partitions=self.spec.partitions, victim=self.spec.victim)
        for name in todo.recall:
            self._recall(self.members[name], at, why)
        for name in todo.drain:
            self._drain(self.members[name], at, why)
        for _ in range(todo.launch):
            if self._add(at, boot_s=self.world.boot(self._number + 1)) is None:
                break
        self.moved = False
        self.advance(at)

    def all_lives(self) -> Sequence[Life]:
        """Return every life, those that go on too."""
        return [*self.lives, *(Life(place_of(m), m.since[State.CREATED], math.inf) for m in self.members.values())]

    def _concerned(self, missing: int, wanted: int) -> tuple[list[Member], int]:
        """Return the members that a plan looks at, and how many of them are wanted: for a large fleet not all.

        To grow, those that drain and may be recalled. To shrink within one partition, where nobody's own load is known,
        those that do not serve yet, and so many of the oldest or of the newest that it can be no other.
        """
        everybody = list(self.members.values())
        if missing > 0:
            return [member for member in everybody if member.state is State.DRAINING], missing
        if len(self.spec.partitions) > 1:
            return everybody, wanted
        present = [member for member in everybody if member.state in PRESENT]
        end = present[:-missing] if self.spec.victim == OLDEST else present[missing:]
        ending = {member.member for member in end}
        idle = [m for m in present if m.state is not State.ACTIVE and m.member not in ending] if self.starting else []
        return [*idle, *end], len(idle) + len(end) + missing

    def _room(self) -> PartitionSpec | None:
        """Return where the next member goes."""
        return place(self.spec.partitions, members=self._placed)

    def _add(self, at: float, *, boot_s: float) -> Member | None:
        """Ask for a member; ``None`` when no partition has room."""
        partition = self._room()
        if partition is None:
            return None
        self._number += 1
        self.launched += 1
        member = Member(
            member=f"{self.spec.cluster}-{self._number}",
            tenant=self.spec.tenant,
            application=self.spec.application,
            cluster=self.spec.cluster,
            cartridge=self.spec.cartridge.cartridge,
            provider=partition.provider,
            network_partition=partition.network_partition,
            partition=partition.partition,
            state=State.STARTING,
            at=at,
            epoch=0,
            since={State.CREATED.value: at, State.STARTING.value: at},
        )
        self.members[member.member] = member
        self._placed[place_of(member)] += 1
        self.starting += 1
        self._ready[member.member] = at + boot_s
        self._later(at + boot_s, SERVES, member.member)
        return member

    def _recall(self, member: Member, at: float, why: str) -> None:
        """Let a draining member go on."""
        state = recalled(member) or State.ACTIVE
        self._keep(move(member, state, at=at, epoch=0, reason=why))
        if state is State.STARTING:
            self.starting += 1
            self._later(max(at, self._ready[member.member]), SERVES, member.member)  # it booted on while it drained
        else:
            self._count(at, member, 1)

    def _drain(self, member: Member, at: float, why: str) -> None:
        """Take a member out."""
        if member.state is State.ACTIVE:
            self._count(at, member, -1)
        else:
            self.starting -= 1
        self.ended += 1
        self._keep(move(member, State.DRAINING, at=at, epoch=0, reason=why))
        self._later(at + self.world.drain_s, GONE, member.member)

    def _happen(self, at: float, what: str, member: Member) -> None:
        """Let one thing happen to a member; what has been overtaken does not."""
        match what:
            case "serves" if member.state is State.STARTING:
                self.starting -= 1
                self._keep(move(member, State.ACTIVE, at=at, epoch=0, reason="serves"))
                self._count(at, member, 1)
                if State.ACTIVE not in member.since and math.isfinite(self.world.lifetime_h):
                    lasts_s = self.world.lifetime(ordinal(member.member))
                    self._later(at + lasts_s, FAILS, member.member)
            case "fails" if member.state is State.ACTIVE:
                self.failed += 1
                self._broken.add(member.member)
                self._step(at, -1)
                self._later(at + self.world.notice_s, NOTICED, member.member)
            case "noticed" if member.state is State.ACTIVE:
                self.serving -= 1
                self._end(at, member)
            case "gone" if member.state is State.DRAINING and member.at + self.world.drain_s <= at:
                self._end(at, member)
            case _:
                pass

    def _count(self, at: float, member: Member, change: int) -> None:
        """Count a member in or out; one that is broken carries nothing already."""
        self.serving += change
        if member.member not in self._broken:
            self._step(at, change)

    def _step(self, at: float, change: int) -> None:
        """Note that the supply changes; of several changes at one moment the last counts."""
        before = self.supply[-1][1] if self.supply else 0
        if self.supply and self.supply[-1][0] == at:
            self.supply[-1] = (at, before + change)
        else:
            self.supply.append((at, before + change))

    def _keep(self, member: Member) -> None:
        self.members[member.member] = member
        self.moved = True

    def _end(self, at: float, member: Member) -> None:
        """Forget a member that is gone."""
        del self.members[member.member], self._ready[member.member]
        self._broken.discard(member.member)
        self._placed[place_of(member)] -= 1
        self.lives.append(Life(place_of(member), member.since[State.CREATED], at))
        self.moved = True

    def _later(self, at: float, what: str, name: str) -> None:
        self._given += 1  # equal times keep their order
        heapq.heappush(self._events, (at, self._given, what, name))
        self.next_at = self._events[0][0]
