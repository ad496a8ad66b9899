"""From definitions to clusters: every reference followed, every default filled in."""

import hashlib
import math
import re

import msgspec

from config.application import Application, CartridgeUse
from config.application_policy import ApplicationPolicy
from config.autoscaling import AutoscalingPolicy, Rules
from config.calendar import Calendar
from config.cartridge import Cartridge, IaasProvider
from config.cluster import (
    BadDaySpec,
    Behavior,
    CalendarSpec,
    CartridgeSpec,
    ClusterSpec,
    EventSpec,
    FallbackSpec,
    FlapSpec,
    PartitionSpec,
    Policy,
    PredictionSpec,
    ScheduleSpec,
    StepPolicy,
)
from config.definition import DEFAULT_TENANT, Property, environment, properties
from config.deployment import DeploymentPolicy, NetworkPartitionUse
from config.hosting import HostingSpec, Size, memory_bytes
from config.index import D, Index
from config.network import BUILT_IN, NetworkPartition
from config.schedule import Schedule

LONGEST_MEMBER = 63
"""Characters of a member's id: a DNS label."""
ORDINAL = 10
"""Characters kept free for ``-<ordinal>``."""
BALANCERS = frozenset({"lb", "loadbalancer"})
"""Categories of cartridges that are balancers, without what stands between the letters."""
DIGEST = 8
"""Characters of the hash that makes a shortened id unique."""


def cluster_id(tenant: str, application: str, alias: str) -> str:
    """Return a cluster's id: ``<application>-<alias>``, tenant first when it is not ``default``.

    Only ``[a-z0-9-]``, at most 53 characters, so that a member's id is a DNS label. What has to be
    changed or cut for that gets a hash of the whole name at its end.
    """
    parts = (application, alias) if tenant == DEFAULT_TENANT else (tenant, application, alias)
    name = "-".join(parts)
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    longest = LONGEST_MEMBER - ORDINAL
    if plain == name and len(plain) <= longest:
        return plain
    digest = hashlib.sha256(f"{tenant}/{application}/{alias}".encode()).hexdigest()[:DIGEST]
    return f"{plain[: longest - DIGEST - 1].rstrip('-')}-{digest}".lstrip("-")


def governed(spec: ClusterSpec, policy: AutoscalingPolicy) -> ClusterSpec:
    """Return a cluster under another autoscaling policy: all that a policy decides is that one's."""
    return msgspec.structs.replace(
        spec,
        policy=_policy(policy),
        prediction=_prediction(policy),
        fallback=_fallback(policy),
        schedules=tuple(_schedule(each) for each in policy.schedules),
        victim=policy.victim,
    )


Waves = tuple[tuple[str, ...], ...]
"""Network partitions in the order in which they are used, those of one wave together."""


def in_order(deployment: DeploymentPolicy, waves: Waves | None) -> tuple[NetworkPartitionUse, ...]:
    """Return the network partitions of a deployment policy in the order of the application policy (all, if none)."""
    if waves is None:
        return deployment.network_partitions
    known = {use.id: use for use in deployment.network_partitions}
    return tuple(known[name] for wave in waves for name in wave if name in known)


def waves_of(index: Index, policy: ApplicationPolicy) -> Waves:
    """Return the waves of an application policy: as declared, or the later ones from the cheapest to the dearest.

    A wave costs what its dearest network partition does, and that what its cheapest partition does. What has no
    price comes last.
    """
    first, *others = policy.waves()
    if policy.burst_order == "declared":
        return (first, *others)
    return (first, *sorted(others, key=lambda wave: max(_price(index, policy.tenant, name) for name in wave)))


def _price(index: Index, tenant: str, network_partition: str) -> float:
    places = must(index, NetworkPartition, tenant, network_partition).partitions
    return min((each.price_per_hour for each in places if each.price_per_hour is not None), default=math.inf)


def must(index: Index, kind: type[D], tenant: str, name: str | None) -> D:
    """Return a definition that a valid catalogue has."""
    found = index.get(kind, tenant, name or "")
    if found is None:
        raise KeyError(f"{kind.KIND}/{tenant}/{name}")
    return found


class Clusters:
    """Resolves the clusters of one valid application. What several of them share is made once."""

    def __init__(self, index: Index, application: Application) -> None:
        self._index, self._application, self._tenant = index, application, application.tenant
        name = application.application_policy
        policy = must(index, ApplicationPolicy, self._tenant, name) if name else None
        self._waves = waves_of(index, policy) if policy else None
        self._places: dict[tuple[str, str], tuple[PartitionSpec, ...]] = {}
        self._policies: dict[str, Policy] = {}

    def cluster(
        self, use: CartridgeUse, deployment: str, imports: tuple[str, ...], *, fewest: int, most: int
    ) -> ClusterSpec:
        """Return one cluster, complete: nothing needs to be looked up any more."""
        info, application = use.subscribable_info, self._application.application_id
        cartridge = must(self._index, Cartridge, self._tenant, use.type)
        policy = must(self._index, AutoscalingPolicy, self._tenant, info.autoscaling_policy)
        partitions = self._partitions(cartridge, deployment)
        return ClusterSpec(
            tenant=self._tenant,
            application=application,
            cluster=cluster_id(self._tenant, application, info.alias),
            alias=info.alias,
            cartridge=_cartridge(cartridge, self._application, use, partitions[0].image),
            min_members=use.cartridge_min,
            max_members=use.cartridge_max,
            policy=self._scaling(policy),
            partitions=partitions,
            exports=_exports(cartridge, use),
            imports=imports,
            prediction=_prediction(policy),
            fallback=_fallback(policy),
            schedules=tuple(_schedule(each) for each in policy.schedules),
            victim=policy.victim,
            fewest=fewest,
            most=most,
        )

    def exports(self, use: CartridgeUse) -> tuple[str, ...]:
        """Return what the members of a cluster export."""
        return _exports(must(self._index, Cartridge, self._tenant, use.type), use)

    def _partitions(self, cartridge: Cartridge, deployment: str) -> tuple[PartitionSpec, ...]:
        key = (cartridge.type, deployment)
        if key not in self._places:
            order = in_order(must(self._index, DeploymentPolicy, self._tenant, deployment), self._waves)
            networks = [(must(self._index, NetworkPartition, self._tenant, each.id), each) for each in order]
            self._places[key] = tuple(
                spec for network, use in networks for spec in _partitions(cartridge, network, use)
            )
        return self._places[key]

    def _scaling(self, policy: AutoscalingPolicy) -> Policy:
        if policy.id not in self._policies:
            self._policies[policy.id] = _policy(policy)
        return self._policies[policy.id]


def _exports(cartridge: Cartridge, use: CartridgeUse) -> tuple[str, ...]:
    """Return ``<alias>-<key>`` for each key, the very name that others import (F32)."""
    return tuple(f"{use.subscribable_info.alias}-{key}" for key in cartridge.metadata_keys)


def _partitions(cartridge: Cartridge, network: NetworkPartition, use: NetworkPartitionUse) -> tuple[PartitionSpec, ...]:
    """Return the places of one network partition, in the deployment policy's order."""
    places = {each.id: each for each in network.partitions}
    images = {each.type: each for each in cartridge.iaas_provider}
    specs = []
    for each in use.partitions:
        place = places[each.id]
        iaas = images[network.provider_of(place)]
        provider = network.provider_of(place)
        given = (*iaas.property, *_networks(iaas), *network.properties, *place.property)
        specs.append(
            PartitionSpec(
                network_partition=network.id,
                partition=place.id,
                provider=provider,
                max_members=each.partition_max,
                properties=properties(given),
                environment=environment(given),
                image=iaas.image_id,
                ports=tuple(place.ports or (() if provider in BUILT_IN else _mapped(cartridge))),
                algorithm=use.partition_algo,
                weight=each.weight,
                price_per_hour=place.price_per_hour,
            )
        )
    return tuple(specs)


def _networks(iaas: IaasProvider) -> tuple[Property, ...]:
    """Return the networks of a cartridge's interfaces as a property."""
    networks = ",".join(each.network_uuid for each in iaas.network_interfaces if each.network_uuid)
    return (Property(name="networks", value=networks),) if networks else ()


def _mapped(cartridge: Cartridge) -> tuple[int, ...]:
    """Return the port that a member on a machine of its own serves on: the first that is mapped."""
    return tuple(each.port for each in cartridge.port_mapping[:1])


def _cartridge(cartridge: Cartridge, application: Application, use: CartridgeUse, image: str) -> CartridgeSpec:
    health = cartridge.health_probe
    if health is None:
        health = "tcp" if cartridge.port_mapping else ""
    given = (*cartridge.property, *application.property, *use.subscribable_info.property)
    return CartridgeSpec(
        cartridge=cartridge.type,
        command=cartridge.command,
        image=image,
        environment=environment(given),
        protocol=cartridge.port_mapping[0].protocol if cartridge.port_mapping else "http",
        balanced=_balanced(cartridge),
        balances=balances(cartridge),
        host=cartridge.host,
        health=health,
        drain_s=cartridge.drain.timeout_seconds,
        grace_s=cartridge.drain.grace_seconds,
        boot_s=cartridge.boot_timeout_seconds,
        lead_time_s=cartridge.lead_time_seconds,
        properties=properties(given),
        hosting=_hosting(cartridge),
    )


def _hosting(cartridge: Cartridge) -> HostingSpec | None:
    given = cartridge.hosting
    if given is None:
        return None
    room = Size(slots=given.slots, cpus=given.cpus, memory_bytes=memory_bytes(given.memory) or 0)
    return HostingSpec(room=room, reserve=given.reserve, drain_below=given.drain_below)


def _balanced(cartridge: Cartridge) -> bool:
    """Say whether a balancer sends it requests: it has a port that speaks HTTP, and is none itself."""
    return not balances(cartridge) and any(
        each.protocol.lower() in {"http", "https"} for each in cartridge.port_mapping
    )


def _policy(policy: AutoscalingPolicy) -> Policy:
    flap = policy.flap_budget
    return Policy(
        policy=policy.id,
        thresholds=policy.load_thresholds.thresholds(),
        tolerance=policy.tolerance,
        up=_behavior(policy.behavior.scale_up),
        down=_behavior(policy.behavior.scale_down),
        forecast=policy.prediction.mode,
        quantile=policy.prediction.quantile,
        demand=policy.demand,
        flap=FlapSpec(starts=flap.starts, window_s=flap.window_seconds) if flap else None,
    )


def balances(cartridge: Cartridge) -> bool:
    """Say whether its members are balancers. Stratos documented one spelling and asked for another (F24)."""
    return re.sub(r"[^a-z0-9]", "", cartridge.category.lower()) in BALANCERS


def _behavior(rules: Rules) -> Behavior:
    steps = tuple(StepPolicy(kind=each.type, value=each.value, period_s=each.period_seconds) for each in rules.policies)
    return Behavior(stabilization_s=rules.stabilization_window_seconds, policies=steps, select=rules.select_policy)


def _prediction(policy: AutoscalingPolicy) -> PredictionSpec:
    given = policy.prediction
    return PredictionSpec(
        predictor=given.predictor,
        window_s=given.window,
        horizon_s=given.horizon,
        calendar=_calendar(given.calendar),
    )


def _calendar(given: Calendar) -> CalendarSpec:
    events = [(each.name, *each.span(), each.factor) for each in given.events]
    bad_days = [each.span() for each in given.bad_days]
    return CalendarSpec(
        events=tuple(EventSpec(name=n, start=start, end=end, factor=factor) for n, start, end, factor in events),
        bad_days=tuple(BadDaySpec(start=start, end=end) for start, end in bad_days),
    )


def _fallback(policy: AutoscalingPolicy) -> FallbackSpec | None:
    given = policy.fallback
    if given is None:
        return None
    return FallbackSpec(failure_threshold=given.failure_threshold, replicas=given.replicas, behavior=given.behavior)


def _schedule(given: Schedule) -> ScheduleSpec:
    return ScheduleSpec(
        start=given.start,
        end=given.end,
        timezone=given.timezone,
        min_members=given.min_members,
        max_members=given.max_members,
    )
