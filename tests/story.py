"""A synthetic story: one cluster under a rising load, told in the records that Pileus would have written."""

import math
from collections.abc import Iterator, Mapping

from config.cluster import Behavior, Policy, StepPolicy
from predictors.motion import Motion
from streams.records.action import Outcome, Result
from streams.records.balancer import Backend, BalancerReport
from streams.records.control import Control
from streams.records.decision import Code, Decision, Factor, Given, Memory, Reason
from streams.records.forecast import ClusterForecast, Fault, Forecasts, Signal, SignalForecast
from streams.records.instance import Announcement
from streams.records.log import LogLine, Rejected
from streams.records.member import LeadTime, Member, State
from streams.records.own import MemberForecast, columns_of
from streams.records.record import Record

POLICY = Policy(
    policy="demo-web",
    thresholds={"requests_in_flight": 5.0},
    up=Behavior(stabilization_s=0.0, policies=(StepPolicy(kind="Pods", value=4, period_s=15.0),)),
    down=Behavior(stabilization_s=15.0, policies=(StepPolicy(kind="Pods", value=1, period_s=5.0),)),
)


def a_signal(
    signal: Signal = Signal.REQUESTS_IN_FLIGHT, *, observed: float | None = 8.0, forecast: float | None = 12.0
) -> SignalForecast:
    """Return one signal; unknown when nothing was observed."""
    if observed is None:
        return SignalForecast(signal=signal, ready=False, why="NoSample")
    return SignalForecast(
        signal=signal,
        ready=True,
        observed=observed,
        motion=Motion(level=observed, slope=0.25, curvature=0.004),
        forecast=forecast,
        lower=None if forecast is None else forecast * 0.85,
        upper=None if forecast is None else forecast * 1.15,
        predictor="kinematic",
        age_s=0.4,
    )


def a_forecast(
    at: float = 1000.0,
    *,
    cluster: str = "shop-web",
    application: str = "shop",
    observed: float | None = 8.0,
    forecast: float | None = 12.0,
    horizon_s: float = 15.0,
    serving: int = 2,
    starting: int = 0,
    faults: tuple[Fault, ...] = (),
) -> Forecasts:
    """Return the forecast of one cluster at one tick."""
    others = [
        a_signal(Signal.LOAD_AVERAGE, observed=34.0 * serving, forecast=38.0 * serving),
        a_signal(Signal.MEMORY_CONSUMPTION, observed=21.0 * serving, forecast=21.2 * serving),
    ]
    names = [f"{cluster}-{i}" for i in range(1, serving + 1)]
    of = ClusterForecast(
        tenant="default",
        application=application,
        cluster=cluster,
        horizon_s=horizon_s,
        serving=serving,
        known=serving,
        starting=starting,
        signals=[a_signal(observed=observed, forecast=forecast), *others],
        own=columns_of(
            [
                MemberForecast(member=n, load_average=34.2, memory_consumption=21.1, healthy=True, age_s=0.4)
                for n in names
            ]
        ),
        faults=list(faults),
    )
    return Forecasts(at=at, partition=0, members_offset=10, clusters=[of])


def a_decision(
    at: float = 1000.0,
    *,
    cluster: str = "shop-web",
    wanted: int = 3,
    before: int = 2,
    reasons: tuple[Reason, ...] | None = None,
) -> Decision:
    """Return a decision; without ``reasons`` the usual ones for a change or for none."""
    forecast = a_forecast(at, cluster=cluster, serving=before)
    factor = Factor(
        signal="requests_in_flight",
        threshold=5.0,
        observed=8.0,
        forecast=12.0,
        ratio=1.2,
        members=3,
        from_forecast=True,
    )
    usual = (
        Reason(Code.DEMAND, "requests in flight: 8.0 observed asks for 2 members at 5 each"),
        Reason(Code.FORECAST, "12.0 requests in flight expected in 15 s ask for 3 members at 5 each"),
    )
    steady = (*usual, Reason(Code.ALREADY_DESIRED, f"{wanted} members are wanted already"))
    return Decision(
        decision=f"{cluster}@{round(at * 1000)}",
        tenant="default",
        application="shop",
        cluster=cluster,
        at=at,
        wanted=wanted,
        before=before,
        factors=(factor,),
        reasons=reasons if reasons is not None else usual if wanted != before else steady,
        given=Given(forecast=forecast.clusters[0], policy=POLICY, min_members=1, max_members=8, memory=Memory()),
    )


def a_member(
    member: str = "shop-web-1",
    *,
    state: State = State.ACTIVE,
    at: float = 900.0,
    cluster: str = "shop-web",
    reason: str = "",
) -> Member:
    """Return a member, launched 4 s before it served."""
    return Member(
        member=member,
        tenant="default",
        application="shop",
        cluster=cluster,
        cartridge="web",
        network_partition="here",
        partition="local",
        state=state,
        at=at,
        epoch=7,
        since={"Created": at - 4.0, "Starting": at - 3.5, state.value: at},
        host="127.0.0.1" if state is not State.CREATED else "",
        port=20_000 + int(member.rpartition("-")[2]) if state is not State.CREATED else 0,
        reason=reason,
    )


def an_instance(cluster: str = "shop-web", *, at: float = 800.0) -> Announcement:
    """Return the record of a cluster that exists."""
    return Announcement(
        tenant="default",
        application="shop",
        cluster=cluster,
        alias="web",
        cartridge="web",
        network_partition="here",
        at=at,
    )


def a_report(
    in_flight: Mapping[str, int | None], *, cluster: str = "shop-web", balancer: str = "lb-1", at: float = 1000.0
) -> BalancerReport:
    """Return what a balancer says of the members named."""
    backends = [Backend(member=m, routed=True, in_flight=n) for m, n in sorted(in_flight.items())]
    return BalancerReport(
        balancer=balancer, tenant="default", application="shop", cluster=cluster, at=at, revision=10, backends=backends
    )


def a_log(
    text: str = "GET /cart 200 12 ms", *, member: str = "shop-web-1", level: str = "INFO", at: float = 1000.0
) -> LogLine:
    """Return a log line."""
    return LogLine(application="shop", cluster="shop-web", member=member, at=at, level=level, text=text)


def an_order(
    application: str = "", cluster: str = "", *, paused: bool = True, at: float = 990.0, until: float = 8200.0
) -> Control:
    """Return a pause, or the end of one; of a whole tenant unless it says more."""
    return Control(
        tenant="default",
        application=application,
        cluster=cluster,
        paused=paused,
        owner="ada",
        reason="migration",
        at=at,
        until=until,
    )


def a_rejection(count: int = 3, *, reason: str = "Late", at: float = 1000.0) -> Rejected:
    """Return what the worker refused."""
    return Rejected(
        topic="pileus.samples",
        partition=0,
        reason=reason,
        count=count,
        at=at,
        examples=("health of shop-web-1: 72 s late",),
    )


def an_outcome(result: Result = Result.OUT_OF_CAPACITY, *, at: float = 1000.0) -> Outcome:
    """Return what came of an action."""
    return Outcome(
        action="shop-web-9/launch",
        result=result,
        tenant="default",
        application="shop",
        cluster="shop-web",
        member="shop-web-9",
        at=at,
        reason="no free port in 20000-20007",
    )


def a_lead_time(seconds: float = 3.8, *, at: float = 1000.0) -> LeadTime:
    """Return a measured lead time."""
    return LeadTime(
        tenant="default",
        application="shop",
        cluster="shop-web",
        cartridge="web",
        network_partition="here",
        partition="local",
        member="shop-web-1",
        at=at,
        seconds=seconds,
    )


def load_at(t: float) -> float:
    """Return the load ``t`` seconds after the story's beginning (requests): a hill on a plain, with ripples."""
    return 4.0 + 15.0 * math.exp(-(((t - 330.0) / 110.0) ** 2)) + 0.6 * math.sin(t / 7.0) + 0.4 * math.sin(t / 2.3)


def told(start: float, *, seconds: int) -> Iterator[Record]:
    """Tell the story second by second: forecasts, decisions, members, logs."""
    yield an_instance(at=start)
    yield from (a_lead_time(3.2 + i / 5, at=start) for i in range(6))
    wanted, members = 1, {"shop-web-1": start + 1}
    yield a_member("shop-web-1", at=start + 1)
    for t in range(seconds):
        at = start + t
        ahead = load_at(t + 15)
        serving = sum(since <= at for since in members.values())
        if t >= 20:
            seen, hoped = load_at(t), ahead * (1 + 0.12 * math.sin(t / 9))
            yield a_forecast(at, observed=seen, forecast=hoped, serving=serving, starting=len(members) - serving)
        recent = max(load_at(max(0, t - back)) for back in range(0, 45, 3))
        asked = max(1, math.ceil(max(load_at(t), ahead) / 5), min(wanted, math.ceil(recent / 5)))
        if asked > wanted or (asked < wanted and t % 5 == 0) or t % 60 == 20:
            step = asked if asked > wanted else max(asked, wanted - 1)
            yield a_decision(at, wanted=step, before=wanted, reasons=_reasons(load_at(t), ahead, step, wanted))
            yield from _follow(members, step, at)
            wanted = step
        if t % 3 == 0:
            yield a_report({m: round(load_at(t) / serving) for m, since in members.items() if since <= at}, at=at)
            yield a_log(f"GET /cart/{t} 200 {12 + t % 7} ms", member=f"shop-web-{1 + t % max(1, serving)}", at=at)


def _reasons(observed: float, ahead: float, wanted: int, before: int) -> tuple[Reason, ...]:
    """Say why, as the decider would."""
    demand = Reason(
        Code.DEMAND, f"{observed:.1f} requests in flight ask for {math.ceil(observed / 5)} members at 5 each"
    )
    if wanted > before:
        return demand, Reason(
            Code.FORECAST, f"{ahead:.1f} requests in flight expected in 15 s ask for {wanted} at 5 each"
        )
    if wanted < before:
        return demand, Reason(
            Code.STEP_LIMITED, f"demand is lower; at most 1 member leaves in 5 s: {before} to {wanted}"
        )
    return demand, Reason(Code.ALREADY_DESIRED, f"{wanted} members are wanted already")


def _follow(members: dict[str, float], wanted: int, at: float) -> Iterator[Record]:
    """Launch and end members until there are as many as wanted; a launched one serves 4 s later."""
    while len(members) < wanted:
        name = f"shop-web-{1 + max(int(m.rpartition('-')[2]) for m in members)}"
        members[name] = at + 4
        yield a_member(name, at=at + 4)
    while len(members) > wanted:
        name = max(members)
        del members[name]
        yield a_member(name, state=State.TERMINATED, at=at, reason="scaled in, drained in 0.8 s")
