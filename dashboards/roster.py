"""The members as the API shows them: their life, joined with what balancers and the newest forecast know of them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dashboards.model import Model
from dashboards.schemas import MemberView
from streams.records.balancer import Backend
from streams.records.forecast import Skew
from streams.records.member import Member, State
from streams.records.own import MemberForecast

ROLE = {
    State.CREATED: "starting",
    State.STARTING: "starting",
    State.ACTIVE: "serving",
    State.DRAINING: "draining",
    State.TERMINATING: "draining",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What others say of the members of some clusters."""

    backends: dict[str, list[Backend]]
    """By member, over all balancers."""
    reported: set[str]
    """Clusters that a balancer reports on."""
    forecasts: dict[str, MemberForecast]
    faults: dict[str, str]


def count(model: Model) -> Counter[tuple[str, str]]:
    """Count the members by cluster and role: ``starting``, ``serving``, ``draining``."""
    return Counter((m.cluster, ROLE[m.state]) for m in model.members.values() if m.state in ROLE)


def members(model: Model, *, now: float, cluster: str | None = None) -> list[MemberView]:
    """List the living members by cluster and name, then those that ended, last one first."""
    living = sorted(model.members.values(), key=lambda m: (m.cluster, len(m.member), m.member))
    shown: Iterable[Member] = [*living, *reversed(model.terminated.values())]
    known = _known(model, cluster)
    return [_view(m, known, now) for m in shown if cluster is None or m.cluster == cluster]


def member(model: Model, name: str, *, now: float) -> MemberView | None:
    """Say one member; ``None`` when it is not known."""
    found = model.members.get(name) or model.terminated.get(name)
    return _view(found, _known(model, found.cluster), now) if found else None


def _known(model: Model, cluster: str | None) -> Known:
    """Index what balancers and forecasts say, of one cluster or of all."""
    known = Known({}, set(), {}, {})
    for (_, of), report in model.reports.items():
        if cluster in {None, of}:
            known.reported.add(of)
            for backend in report.backends:
                known.backends.setdefault(backend.member, []).append(backend)
    for of, state in model.clusters.items():
        if cluster in {None, of} and state.newest:
            known.forecasts.update(state.newest.own.by_name())
            known.faults.update({s.member: _clock(s) for s in state.newest.skewed})
            known.faults.update({f.member: f.reason for f in state.newest.faults})
    return known


def _clock(skew: Skew) -> str:
    """Say how wrong a member's clock is."""
    return f"Clock {abs(skew.seconds):.0f} s {'ahead' if skew.seconds > 0.0 else 'behind'}"


def _view(of: Member, known: Known, now: float) -> MemberView:
    """Say one member."""
    alive = of.state is not State.TERMINATED
    serves = of.state in {State.ACTIVE, State.DRAINING}
    reported = alive and of.cluster in known.reported
    own = known.backends.get(of.member, [])
    forecast = known.forecasts.get(of.member) if alive else None
    return MemberView(
        member=of.member,
        tenant=of.tenant,
        application=of.application,
        cluster=of.cluster,
        cartridge=of.cartridge,
        network_partition=of.network_partition,
        partition=of.partition,
        state=of.state.value,
        at=of.at,
        since=of.since,
        up_s=max(0.0, now - of.since.get(State.ACTIVE.value, of.at)) if serves else None,
        host=of.host,
        port=of.port,
        instance=of.instance,
        reason=of.reason,
        routed=any(b.routed for b in own) if reported else None,
        in_flight=_in_flight(own) if reported else None,
        load_average=forecast.load_average if forecast else None,
        memory_consumption=forecast.memory_consumption if forecast else None,
        healthy=forecast.healthy if forecast else None,
        fault=known.faults.get(of.member, "") if alive else "",
    )


def _in_flight(own: Iterable[Backend]) -> int | None:
    """Add up what the balancers see in flight; ``None`` when one of them cannot tell."""
    seen = [backend.in_flight for backend in own]
    return None if None in seen else sum(each for each in seen if each is not None)
