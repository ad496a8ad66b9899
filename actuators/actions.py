"""From a cluster's definition to intents and actions: what to write down, and what to order."""

from collections.abc import Mapping

import msgspec

from actuators.application import Unit
from config.cluster import ClusterSpec, PartitionSpec
from streams.records.action import Action, Launch, Outcome, Verb
from streams.records.decision import Decision
from streams.records.member import Member, State


def intent(
    spec: ClusterSpec,
    unit: Unit,
    partition: PartitionSpec,
    ordinal: int,
    *,
    decision: Decision,
    epoch: int,
    on: str = "",
) -> Member:
    """Return the record that stands before the cloud is called."""
    return Member(
        member=f"{spec.cluster}-{ordinal}",
        tenant=spec.tenant,
        application=spec.application,
        cluster=spec.cluster,
        cartridge=spec.cartridge.cartridge,
        provider=partition.provider,
        network_partition=partition.network_partition,
        partition=partition.partition,
        cluster_instance=unit.instance,
        on=on,
        state=State.CREATED,
        at=decision.at,
        epoch=epoch,
        since={State.CREATED.value: decision.at},
        reason=asked(unit, decision),
    )


def asked(unit: Unit, decision: Decision) -> str:
    """Say how many members are wanted, and by which decision."""
    return f"{unit.wanted} wanted ({decision.decision})"


def ordinal(member: str) -> int:
    """Return the number at the end of a member's id; 0 when it has none."""
    _, _, tail = member.rpartition("-")
    return int(tail) if tail.isascii() and tail.isdecimal() else 0


def located(member: Member, outcome: Outcome, epoch: int) -> Member:
    """Return the member with the address that the cloud gave it."""
    return msgspec.structs.replace(
        member, epoch=epoch, host=outcome.host, port=outcome.port, instance=outcome.instance or member.instance
    )


def launch(
    spec: ClusterSpec, member: Member, *, environment: Mapping[str, str], at: float, epoch: int
) -> Action | None:
    """Return the order to launch a member; ``None`` when its partition is not declared any more.

    ``environment`` is what it imports.
    """
    partition = _partition(spec, member)
    if partition is None:
        return None
    order = _order(spec, member, Verb.LAUNCH, at=at, epoch=epoch)
    return msgspec.structs.replace(order, launch=_launch(spec, partition, environment))


def terminate(spec: ClusterSpec, member: Member, *, at: float, epoch: int) -> Action:
    """Return the order to terminate a member, at the provider that has it."""
    return _order(spec, member, Verb.TERMINATE, at=at, epoch=epoch)


def _partition(spec: ClusterSpec, member: Member) -> PartitionSpec | None:
    """Return a member's partition as it is declared now."""
    where = (member.network_partition, member.partition)
    return next((p for p in spec.partitions if (p.network_partition, p.partition) == where), None)


def _order(spec: ClusterSpec, member: Member, verb: Verb, *, at: float, epoch: int) -> Action:
    """Return an order about a member. Its provider is the one that its intent names, whatever is declared now."""
    partition = _partition(spec, member)
    return Action(
        action=f"{member.member}/{verb}",
        verb=verb,
        tenant=member.tenant,
        application=member.application,
        cluster=member.cluster,
        member=member.member,
        cartridge=member.cartridge,
        provider=member.provider or (partition.provider if partition is not None else ""),
        network_partition=member.network_partition,
        partition=member.partition,
        epoch=epoch,
        at=at,
        grace_s=spec.cartridge.grace_s,
    )


def _launch(spec: ClusterSpec, partition: PartitionSpec, environment: Mapping[str, str]) -> Launch:
    """Return what an instance of this cluster is made of, in this partition. What the partition says comes first."""
    cartridge = spec.cartridge
    return Launch(
        command=list(cartridge.command),
        image=partition.image or cartridge.image,
        environment=dict(environment) | cartridge.environment | partition.environment,
        ports=list(partition.ports),
        health=cartridge.health,
        grace_s=cartridge.grace_s,
        properties=cartridge.properties | partition.properties,
        exports=list(spec.exports),
    )
