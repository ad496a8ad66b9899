"""A *plan* is the list of actions from the observed to the wanted state: wanted - requested - observed."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from actuators.actions import ordinal
from actuators.lifecycle import PRESENT, recalled
from actuators.place import counts, name, place_of, vacate
from config.cluster import PartitionSpec
from streams.records.member import Member, State
from streams.records.own import MemberForecast

IDLE = frozenset({State.CREATED, State.STARTING})
"""States of the members that count, and carry no load yet."""
LOWEST_LOAD, NEWEST, OLDEST, MOST_EXPENSIVE = "lowest-load", "newest", "oldest", "most-expensive"
EMPTIEST = "emptiest"
"""Who leaves first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do now."""

    recall: tuple[str, ...] = ()
    """Draining members that go on serving."""
    launch: int = 0
    """Members to ask for."""
    drain: tuple[str, ...] = ()
    """Members to take out, in this order."""


def plan(
    members: Sequence[Member],
    *,
    wanted: int,
    partitions: Sequence[PartitionSpec] = (),
    forecasts: Mapping[str, MemberForecast] | None = None,
    leaving: Collection[str] = (),
    room: bool = True,
    victim: str = LOWEST_LOAD,
) -> Plan:
    """List the smallest set of actions that leads to ``wanted`` members.

    Members asked for and not yet seen count as present, so a slow cloud is never asked twice. A draining member is
    recalled before a new one is launched. When shrinking, members that drain already count as gone; of the others those
    that do not serve yet go first, then those of the partition that is to be emptied first, of these the ``victim``.

    Parameters
    ----------
    partitions
        In the order of the policy.
    forecasts
        Each member's own load ahead.
    leaving
        Members to be replaced. They do not count, and drain as soon as so many others serve that they are not
        needed, or nothing can replace them.
    room
        Whether there is a place for another member.
    victim
        Who leaves first: ``lowest-load`` (predicted), ``newest``, ``oldest``, or ``most-expensive``: that in the
        partition with the highest price, wherever that is; ``emptiest``: of hosts, wherever it is.
    """
    present = [m for m in members if m.state in PRESENT and m.member not in leaving]
    missing = wanted - len(present)
    back = [m for m in members if m.member not in leaving and recalled(m) is not None] if missing > 0 else []
    back = sorted(back, key=lambda m: (State.ACTIVE not in m.since, -m.at, m.member))[: max(missing, 0)]
    victims = Victims(partitions, forecasts or {}, victim).choose(present, -missing)
    gone = {m.member for m in victims}
    staying = [m for m in [*present, *back] if m.member not in gone]
    replaced = _replaced(members, staying, wanted=wanted, leaving=leaving, room=room)
    return Plan(
        recall=tuple(m.member for m in back),
        launch=max(0, missing - len(back)),
        drain=tuple(m.member for m in [*replaced, *victims]),
    )


def _replaced(
    members: Sequence[Member], staying: Sequence[Member], *, wanted: int, leaving: Collection[str], room: bool
) -> list[Member]:
    """Return the members to be replaced that can go now: make before break."""
    going = sorted((m for m in members if m.state in PRESENT and m.member in leaving), key=lambda m: m.member)
    idle = [m for m in going if m.state in IDLE]
    serving = [m for m in going if m.state not in IDLE]
    coming = any(m.state is not State.ACTIVE for m in staying)
    if not room and not coming:
        return going
    ready = sum(m.state is State.ACTIVE or State.ACTIVE in m.since for m in staying)
    needed = min(len(serving), max(0, wanted - ready))
    return [*idle, *serving[needed:]]


@dataclass(frozen=True, slots=True)
class Victims:
    """Who leaves when there are too many."""

    partitions: Sequence[PartitionSpec]
    forecasts: Mapping[str, MemberForecast]
    rule: str

    def choose(self, present: Sequence[Member], count: int) -> list[Member]:
        """Choose the members to take out, one after the other."""
        left, chosen = list(present), list[Member]()
        for _ in range(count):
            idle = [m for m in left if m.state in IDLE] or left
            dear = self._dear(idle) if self.rule == MOST_EXPENSIVE else idle
            if self.rule == EMPTIEST:
                dear = [m for m in idle if self._load(m) == min(map(self._load, idle))]
            where = vacate(self.partitions, members=_only(counts(left), {place_of(m) for m in dear}))
            victim = min((m for m in dear if place_of(m) == where), key=self._cost)
            left.remove(victim)
            chosen.append(victim)
        return chosen

    def _dear(self, members: Sequence[Member]) -> list[Member]:
        """Return those with the highest price that is known; all of them when none is."""
        prices = {name(p): p.price_per_hour for p in self.partitions}
        known = [(price, m) for m in members if (price := prices.get(place_of(m))) is not None]
        highest = max((price for price, _ in known), default=None)
        return [m for price, m in known if price == highest] or list(members)

    def _cost(self, member: Member) -> tuple[int, float, float, int]:
        """Return what taking this member out costs: not accepted yet first, then by the rule, newest first.

        An unknown load is not zero: who is known to carry little goes first.
        """
        order, created = {State.CREATED: 0, State.STARTING: 1}.get(member.state, 2), member.since.get(State.CREATED)
        age = member.at if created is None else created
        if self.rule == OLDEST:
            return order, age, 0.0, ordinal(member.member)
        load = 0.0 if self.rule == NEWEST else self._load(member)
        return order, load, -age, -ordinal(member.member)

    def _load(self, member: Member) -> float:
        """Return a member's own load ahead, rounded; infinite when it is unknown."""
        forecast = self.forecasts.get(member.member)
        return math.inf if forecast is None or forecast.load_average is None else round(forecast.load_average, 1)


def _only(count: Mapping[str, int], names: Collection[str]) -> dict[str, int]:
    """Return the entries with these names."""
    return {where: number for where, number in count.items() if where in names}
