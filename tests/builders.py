"""Records and definitions for tests: each test states only what it is about, the rest is ordinary.

The ordinary world: tenant ``default``, application ``shop``, cluster ``shop-web`` of cartridge ``web``,
in partition ``local`` of network partition ``here``.
"""

from collections.abc import Sequence

import msgspec

from config.cluster import (
    Behavior,
    CartridgeSpec,
    ClusterSpec,
    FallbackSpec,
    FlapSpec,
    PartitionSpec,
    Policy,
    PredictionSpec,
    ScheduleSpec,
    StepPolicy,
)
from config.tree import ApplicationSpec, BudgetSpec, GroupSpec
from predictors.motion import Motion
from streams.records.forecast import ClusterForecast, Fault, Signal, SignalForecast
from streams.records.instance import Announcement
from streams.records.member import Claim, Member, State
from streams.records.own import MemberForecast, columns_of
from streams.records.sample import Health, HealthColumns, Requests, Tick


def a_health(
    member: str = "shop-web-1",
    *,
    at: float = 1000.0,
    load: float | None = 40.0,
    memory: float | None = 50.0,
    healthy: bool | None = None,
    cluster: str = "shop-web",
    application: str = "shop",
    tenant: str = "default",
) -> Health:
    """Return what an agent measured beside one member."""
    return Health(
        tenant=tenant,
        application=application,
        cluster=cluster,
        member=member,
        at=at,
        load_average=load,
        memory_consumption=memory,
        healthy=healthy,
    )


def health_columns(
    *samples: Health, cluster: str = "shop-web", application: str = "shop", tenant: str = "default"
) -> HealthColumns:
    """Return the same measurements as one message of columns."""
    return HealthColumns(
        tenant=tenant,
        application=application,
        cluster=cluster,
        member=[each.member for each in samples],
        at=[each.at for each in samples],
        load_average=[each.load_average for each in samples],
        memory_consumption=[each.memory_consumption for each in samples],
        healthy=[each.healthy for each in samples],
    )


def a_requests(
    in_flight: float = 8.0,
    *,
    at: float = 1000.0,
    interval_s: float = 5.0,
    count: int = 100,
    balancer: str = "lb-1",
    cluster: str = "shop-web",
    application: str = "shop",
    tenant: str = "default",
) -> Requests:
    """Return what one balancer counted."""
    return Requests(
        tenant=tenant,
        application=application,
        cluster=cluster,
        balancer=balancer,
        at=at,
        interval_s=interval_s,
        in_flight=in_flight,
        count=count,
    )


def a_tick(at: float = 1000.0, *, members: int = 1_000_000, instances: int = 1_000_000) -> Tick:
    """Return a tick; without offsets it counts in all that is known of members and instances."""
    return Tick(at=at, members_offset=members, instances_offset=instances)


def a_member(
    member: str = "shop-web-1",
    *,
    state: State = State.ACTIVE,
    at: float = 900.0,
    since: dict[str, float] | None = None,
    epoch: int = 0,
    cluster: str = "shop-web",
    application: str = "shop",
    tenant: str = "default",
    cartridge: str = "web",
    provider: str = "memory",
    network_partition: str = "here",
    partition: str = "local",
    host: str = "127.0.0.1",
    port: int = 8080,
    instance: str = "i-1",
    reason: str = "",
) -> Member:
    """Return a member; without ``since`` it knows only its present state's time."""
    return Member(
        member=member,
        tenant=tenant,
        application=application,
        cluster=cluster,
        cartridge=cartridge,
        provider=provider,
        network_partition=network_partition,
        partition=partition,
        state=state,
        at=at,
        epoch=epoch,
        since={state.value: at} if since is None else since,
        host=host,
        port=port,
        instance=instance,
        reason=reason,
    )


def a_claim(owner: str = "decider-1", *, partition: int = 0, at: float = 900.0) -> Claim:
    """Return a decider's claim; its offset in the log becomes its epoch."""
    return Claim(partition=partition, owner=owner, at=at)


def an_instance(
    cluster: str = "shop-web",
    *,
    application: str = "shop",
    tenant: str = "default",
    alias: str = "web",
    cartridge: str = "web",
    network_partition: str = "here",
    at: float = 800.0,
    default_lead_time_s: float = 30.0,
    prediction: PredictionSpec | None = None,
    shadow: PredictionSpec | None = None,
) -> Announcement:
    """Return a cluster that exists."""
    return Announcement(
        tenant=tenant,
        application=application,
        cluster=cluster,
        alias=alias,
        cartridge=cartridge,
        network_partition=network_partition,
        at=at,
        default_lead_time_s=default_lead_time_s,
        prediction=prediction or PredictionSpec(),
        shadow=shadow,
    )


def a_signal(
    signal: Signal = Signal.REQUESTS_IN_FLIGHT, *, observed: float | None = None, forecast: float | None = None
) -> SignalForecast:
    """Return one signal: unknown without ``observed``, steady without ``forecast``."""
    if observed is None:
        return SignalForecast(signal=signal, ready=False, why="NoSample")
    ahead = observed if forecast is None else forecast
    return SignalForecast(
        signal=signal,
        ready=True,
        observed=observed,
        motion=Motion(level=observed, slope=0.0, curvature=0.0),
        forecast=ahead,
        lower=ahead,
        upper=ahead,
        predictor="kinematic",
        age_s=0.0,
    )


def a_forecast(
    *,
    requests: float | None = None,
    requests_ahead: float | None = None,
    load: float | None = None,
    load_ahead: float | None = None,
    memory: float | None = None,
    memory_ahead: float | None = None,
    serving: int = 1,
    known: int | None = None,
    starting: int = 0,
    horizon_s: float = 60.0,
    count: int | None = 100,
    members: Sequence[MemberForecast] | None = None,
    faults: Sequence[Fault] = (),
    cluster: str = "shop-web",
    application: str = "shop",
    tenant: str = "default",
) -> ClusterForecast:
    """Return one cluster's forecast. A signal without a value is unknown; without ``_ahead`` it is steady."""
    names = sorted(f"{cluster}-{i}" for i in range(1, serving + starting + 1))
    return ClusterForecast(
        tenant=tenant,
        application=application,
        cluster=cluster,
        horizon_s=horizon_s,
        serving=serving,
        known=serving if known is None else known,
        starting=starting,
        signals=[
            a_signal(Signal.REQUESTS_IN_FLIGHT, observed=requests, forecast=requests_ahead),
            a_signal(Signal.LOAD_AVERAGE, observed=load, forecast=load_ahead),
            a_signal(Signal.MEMORY_CONSUMPTION, observed=memory, forecast=memory_ahead),
        ],
        count=count,
        own=columns_of([MemberForecast(member=name) for name in names] if members is None else members),
        faults=list(faults),
    )


def a_behavior(
    *,
    stabilization_s: float = 0.0,
    policies: Sequence[StepPolicy] = (StepPolicy(kind="Percent", value=1000, period_s=15.0),),
    select: str = "Max",
) -> Behavior:
    """Return one direction of scaling; as it stands it hardly limits anything."""
    return Behavior(stabilization_s=stabilization_s, policies=tuple(policies), select=select)


def a_policy(
    *,
    requests: float | None = 10.0,
    load: float | None = None,
    memory: float | None = None,
    tolerance: float = 0.1,
    up: Behavior | None = None,
    down: Behavior | None = None,
    forecast: str = "Enabled",
    demand: str = "target-tracking",
    flap: FlapSpec | None = None,
    policy: str = "standard",
) -> Policy:
    """Return an autoscaling policy with a threshold for each signal that is given one."""
    thresholds = {
        Signal.REQUESTS_IN_FLIGHT.value: requests,
        Signal.LOAD_AVERAGE.value: load,
        Signal.MEMORY_CONSUMPTION.value: memory,
    }
    return Policy(
        policy=policy,
        thresholds={signal: value for signal, value in thresholds.items() if value is not None},
        tolerance=tolerance,
        up=up or a_behavior(),
        down=down or a_behavior(),
        forecast=forecast,
        demand=demand,
        flap=flap,
    )


def a_place(
    partition: str = "local",
    *,
    network_partition: str = "here",
    provider: str = "memory",
    max_members: int = 10,
    image: str = "",
    ports: Sequence[int] = (),
    algorithm: str = "one-after-another",
    properties: dict[str, str] | None = None,
    environment: dict[str, str] | None = None,
    weight: float = 1.0,
    price: float | None = None,
) -> PartitionSpec:
    """Return a partition that members may be placed in."""
    return PartitionSpec(
        network_partition=network_partition,
        partition=partition,
        provider=provider,
        max_members=max_members,
        properties=properties or {},
        environment=environment or {},
        image=image,
        ports=tuple(ports),
        algorithm=algorithm,
        weight=weight,
        price_per_hour=price,
    )


def a_cartridge(
    cartridge: str = "web",
    *,
    command: Sequence[str] = ("serve",),
    drain_s: float = 30.0,
    grace_s: float = 10.0,
    boot_s: float = 900.0,
    lead_time_s: float = 30.0,
    health: str = "http:/health",
) -> CartridgeSpec:
    """Return what a member is made of."""
    return CartridgeSpec(
        cartridge=cartridge,
        command=tuple(command),
        drain_s=drain_s,
        grace_s=grace_s,
        boot_s=boot_s,
        lead_time_s=lead_time_s,
        health=health,
    )


def a_spec(
    cluster: str = "shop-web",
    *,
    min_members: int = 1,
    max_members: int = 10,
    policy: Policy | None = None,
    cartridge: CartridgeSpec | None = None,
    algorithm: str = "one-after-another",
    partitions: Sequence[PartitionSpec] | None = None,
    fallback: FallbackSpec | None = None,
    schedules: Sequence[ScheduleSpec] = (),
    victim: str = "lowest-load",
    tenant: str = "default",
    application: str = "shop",
    alias: str = "web",
) -> ClusterSpec:
    """Return what an operator declared for one cluster."""
    return ClusterSpec(
        tenant=tenant,
        application=application,
        cluster=cluster,
        alias=alias,
        cartridge=cartridge or a_cartridge(),
        min_members=min_members,
        max_members=max_members,
        policy=policy or a_policy(),
        partitions=(a_place(algorithm=algorithm),) if partitions is None else tuple(partitions),
        fallback=fallback,
        schedules=tuple(schedules),
        victim=victim,
    )


def an_application(
    *children: ClusterSpec | GroupSpec,
    tenant: str = "",
    application: str = "",
    budget: BudgetSpec | None = None,
    quota: BudgetSpec | None = None,
) -> ApplicationSpec:
    """Return an application of these children, in the network partitions of its first cluster, one after another."""
    root = GroupSpec(alias="", name="", children=children)
    first = next(root.clusters())
    names = tuple(dict.fromkeys(p.network_partition for p in first.partitions))
    return ApplicationSpec(
        tenant=tenant or first.tenant,
        application=application or first.application,
        root=msgspec.structs.replace(root, alias=application or first.application),
        network_partitions=names,
        waves=tuple((name,) for name in names),
        budget=budget or BudgetSpec(),
        quota=quota or BudgetSpec(),
    )


def raw(record: msgspec.Struct) -> bytes:
    """Return a record as it stands in Kafka."""
    return msgspec.json.encode(record)
