"""A *plan* is the list of actions from the observed to the wanted state: wanted - requested - observed."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from actuators.actions import ordinal
from actuators.lifecycle import PRESENT, recalled
from actuators.place import counts, place_of, vacate
from config.cluster import PartitionSpec
from streams.records.forecast import MemberForecast
from streams.records.member import Member, State

IDLE = frozenset({State.CREATED, State.STARTING})
"""States of the members that count, and carry no load yet."""


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
) -> Plan:
    """List the smallest set of actions that leads to ``wanted`` members.

    Members asked for and not yet seen count as present, so a slow cloud is never asked twice. A draining member is
    recalled before a new one is launched. When shrinking, members that do not serve yet go first, then those of
    the partition that is to be emptied first, of these the one with the lowest predicted load.

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
    """
    present = [m for m in members if m.state in PRESENT and m.member not in leaving]
    missing = wanted - len(present)
    back = [m for m in members if m.member not in leaving and recalled(m) is not None] if missing > 0 else []
    back = sorted(back, key=lambda m: (State.ACTIVE not in m.since, -m.at, m.member))[: max(missing, 0)]
    victims = _victims(present, -missing, partitions, forecasts or {})
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


def _victims(
    present: Sequence[Member], count: int, partitions: Sequence[PartitionSpec], forecasts: Mapping[str, MemberForecast]
) -> list[Member]:
    """Choose the members to take out, one after the other."""
    left, chosen = list(present), list[Member]()
    for _ in range(count):
        idle = [m for m in left if m.state in IDLE]
        where = vacate(partitions, members=_only(counts(left), {place_of(m) for m in idle or left}))
        here = [m for m in idle or left if place_of(m) == where]
        victim = min(here, key=lambda m: _cost(m, forecasts.get(m.member)))
        left.remove(victim)
        chosen.append(victim)
    return chosen


def _only(count: Mapping[str, int], names: Collection[str]) -> dict[str, int]:
    """Return the entries with these names."""
    return {name: number for name, number in count.items() if name in names}


def _cost(member: Member, forecast: MemberForecast | None) -> tuple[int, float, float, int]:
    """Return what taking this member out costs: not accepted yet first, then by predicted load, newest first.

    An unknown load is not zero: who is known to carry little goes first.
    """
    order = {State.CREATED: 0, State.STARTING: 1}.get(member.state, 2)
    load = math.inf if forecast is None or forecast.load_average is None else round(forecast.load_average, 1)
    return order, load, -member.since.get(State.CREATED, member.at), -ordinal(member.member)
