"""Records of deciding and acting for tests, beside those of :mod:`tests.builders`, in the same ordinary world."""

from typing import Any

from config.cluster import FallbackSpec, Policy
from streams.records.action import Action, Launch, Outcome, Result, Verb
from streams.records.balancer import Backend, BalancerReport
from streams.records.control import Pause, Shadow
from streams.records.decision import Cap, Given, Memory
from streams.records.forecast import ClusterForecast, Forecasts
from tests.builders import a_forecast, a_policy


def a_given(
    forecast: ClusterForecast | None = None,
    *,
    policy: Policy | None = None,
    min_members: int = 1,
    max_members: int = 10,
    memory: Memory | None = None,
    fallback: FallbackSpec | None = None,
    cap: Cap | None = None,
    pause: Pause | None = None,
) -> Given:
    """Return what a decision is taken from."""
    return Given(
        forecast=forecast or a_forecast(),
        policy=policy or a_policy(),
        min_members=min_members,
        max_members=max_members,
        memory=memory or Memory(),
        fallback=fallback,
        cap=cap,
        pause=pause,
    )


def a_shadow(
    *, requests: float = 5.0, at: float = 1000.0, ends: bool = False, clusters: tuple[str, ...] = (), **document: Any
) -> Shadow:
    """Return the order for a shadow beside ``standard``: quick both ways, ``requests`` in flight per member."""
    quick = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 1000, "periodSeconds": 15}]}
    policy = {
        "id": "other",
        "loadThresholds": {"requestsInFlight": {"threshold": requests}},
        "behavior": {"scaleUp": quick, "scaleDown": quick},
        "prediction": {"quantile": 0.5},
        **document,
    }
    return Shadow(
        tenant="default",
        policy="standard",
        document=None if ends else policy,
        clusters=clusters,
        owner="alice",
        at=at,
    )


def forecasts_of(*clusters: ClusterForecast, at: float = 1000.0) -> Forecasts:
    """Return the forecasts of one tick."""
    return Forecasts(at=at, partition=0, members_offset=0, clusters=list(clusters))


def a_report(
    *backends: Backend,
    at: float = 1000.0,
    revision: int = 1_000_000,
    balancer: str = "lb-1",
    cluster: str = "shop-web",
    application: str = "shop",
    tenant: str = "default",
) -> BalancerReport:
    """Return what a balancer says; without a revision it has applied all there is."""
    return BalancerReport(
        balancer=balancer,
        tenant=tenant,
        application=application,
        cluster=cluster,
        at=at,
        revision=revision,
        backends=list(backends),
    )


def a_backend(member: str = "shop-web-1", *, routed: bool = True, in_flight: int | None = 0) -> Backend:
    """Return one member as a balancer has it."""
    return Backend(member=member, routed=routed, in_flight=in_flight)


def an_action(
    member: str = "shop-web-1",
    *,
    verb: Verb = Verb.LAUNCH,
    epoch: int = 0,
    provider: str = "memory",
    partition: str = "local",
    at: float = 1000.0,
    launch: Launch | None = None,
    cluster: str = "shop-web",
    application: str = "shop",
    tenant: str = "default",
) -> Action:
    """Return an order to the executor; a launch says what to launch."""
    return Action(
        action=f"{member}/{verb}",
        verb=verb,
        tenant=tenant,
        application=application,
        cluster=cluster,
        member=member,
        cartridge="web",
        provider=provider,
        network_partition="here",
        partition=partition,
        epoch=epoch,
        at=at,
        launch=launch or (Launch(command=["serve"]) if verb is Verb.LAUNCH else None),
    )


def an_outcome(
    result: Result,
    member: str = "shop-web-1",
    *,
    at: float = 1000.0,
    verb: Verb | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    reason: str = "",
    cluster: str = "shop-web",
    application: str = "shop",
    tenant: str = "default",
) -> Outcome:
    """Return what came of an action, or without ``verb`` what the cloud was seen to have."""
    return Outcome(
        action="" if verb is None else f"{member}/{verb}",
        result=result,
        tenant=tenant,
        application=application,
        cluster=cluster,
        member=member,
        at=at,
        host=host,
        port=port,
        instance="i-1",
        reason=reason,
    )
