"""A *plan* is the list of actions from the observed to the wanted state: wanted - requested - observed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from actuators.lifecycle import PRESENT
from streams.records.forecast import MemberForecast
from streams.records.member import Member, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do now. At most one of growing and shrinking is not empty."""

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
    forecasts: Mapping[str, MemberForecast],
    faulty: Collection[str] = (),
) -> Plan:
    """List the smallest set of actions that leads to ``wanted`` members.

    Members asked for and not yet seen count as present, so a slow cloud is never asked twice. A
    faulty member does not count, and is drained. A draining member is recalled before a new one is launched.
    When shrinking, those that carry no load yet go first, then the ones with the lowest predicted load.
    """
    sick = tuple(sorted(m.member for m in members if m.member in faulty and m.state in PRESENT))
    present = [m for m in members if m.state in PRESENT and m.member not in faulty]
    missing = wanted - len(present)
    if missing >= 0:
        back = sorted(
            (m for m in members if m.state is State.DRAINING and _recallable(m, faulty)),
            key=lambda m: (-m.at, m.member),
        )
        recall = tuple(m.member for m in back[:missing])
        return Plan(recall=recall, launch=missing - len(recall), drain=sick)
    victims = sorted(present, key=lambda m: _cost(m, forecasts.get(m.member)))
    return Plan(drain=(*sick, *(m.member for m in victims[:-missing])))


def _recallable(member: Member, faulty: Collection[str]) -> bool:
    """Say whether a draining member is fit to serve: it served, and nothing is wrong with it."""
    return State.ACTIVE in member.since and member.member not in faulty and not member.reason.startswith("fault")


def _cost(member: Member, forecast: MemberForecast | None) -> tuple[int, float, float, str]:
    """Return what taking this member out costs: not serving yet first, then by predicted load, newest first."""
    order = {State.CREATED: 0, State.STARTING: 1}.get(member.state, 2)
    load = forecast.load_average if forecast is not None and forecast.load_average is not None else 0.0
    return order, round(load, 1), -member.since.get(State.CREATED, member.at), member.member
