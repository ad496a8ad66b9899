"""Records for the tests of the report: each says only what it is about."""

from config.cluster import Behavior, Policy
from streams.records.decision import Code, Decision, Given, Memory, Reason
from streams.records.forecast import ClusterForecast, Forecasts, Signal, SignalForecast
from streams.records.member import Member, State

CLUSTER = "web"
STILL = Behavior(stabilization_s=0.0, policies=())


def a_cluster_forecast(
    *,
    observed: float | None = 10.0,
    forecast: float | None = 12.0,
    horizon_s: float = 5.0,
    age_s: float | None = 0.5,
    ready: bool = True,
    cluster: str = CLUSTER,
) -> ClusterForecast:
    signal = SignalForecast(
        signal=Signal.REQUESTS_IN_FLIGHT, ready=ready, observed=observed, forecast=forecast, age_s=age_s
    )
    missing = [SignalForecast(signal=s, ready=False, why="NoSample") for s in list(Signal)[1:]]
    return ClusterForecast(
        tenant="default",
        application="shop",
        cluster=cluster,
        horizon_s=horizon_s,
        serving=1,
        known=1,
        starting=0,
        signals=[signal, *missing],
    )


def a_forecast(
    *,
    at: float,
    observed: float | None = 10.0,
    forecast: float | None = 12.0,
    horizon_s: float = 5.0,
    age_s: float | None = 0.5,
    ready: bool = True,
    cluster: str = CLUSTER,
) -> Forecasts:
    one = a_cluster_forecast(
        observed=observed, forecast=forecast, horizon_s=horizon_s, age_s=age_s, ready=ready, cluster=cluster
    )
    return Forecasts(at=at, partition=0, members_offset=0, clusters=[one])


def a_decision(*, at: float, wanted: int = 2, before: int = 1, cluster: str = CLUSTER) -> Decision:
    return Decision(
        decision=f"{cluster}@{at * 1000:.0f}",
        tenant="default",
        application="shop",
        cluster=cluster,
        at=at,
        wanted=wanted,
        before=before,
        factors=(),
        reasons=(Reason(Code.FORECAST, "12 requests expected"), Reason(Code.STEP_LIMITED, "one at a time")),
        given=Given(
            forecast=a_cluster_forecast(cluster=cluster),
            policy=Policy(policy="p", thresholds={}, up=STILL, down=STILL),
            min_members=1,
            max_members=4,
            memory=Memory(),
        ),
    )


def a_member(name: str, state: State, *, at: float = 0.0, cluster: str = CLUSTER) -> Member:
    return Member(
        member=name,
        tenant="default",
        application="shop",
        cluster=cluster,
        cartridge="web",
        network_partition="here",
        partition="p1",
        state=state,
        at=at,
        epoch=1,
    )
