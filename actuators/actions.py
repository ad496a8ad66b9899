"""From a cluster's definition to intents and actions: what to write down, and what to order."""

import msgspec

from config.cluster import ClusterSpec, PartitionSpec
from streams.records.action import Action, Launch, Outcome, Verb
from streams.records.decision import Decision
from streams.records.member import Member, State


def intent(spec: ClusterSpec, partition: PartitionSpec, ordinal: int, decision: Decision, epoch: int) -> Member:
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
        state=State.CREATED,
        at=decision.at,
        epoch=epoch,
        since={State.CREATED.value: decision.at},
        reason=f"{decision.wanted} wanted ({decision.decision})",
    )


def ordinal(member: str) -> int:
    """Return the number at the end of a member's id; 0 when it has none."""
    _, _, tail = member.rpartition("-")
    return int(tail) if tail.isdecimal() else 0


def located(member: Member, outcome: Outcome) -> Member:
    """Return the member with the address that the cloud gave it."""
    return msgspec.structs.replace(member, host=outcome.host, port=outcome.port, instance=outcome.instance)


def action(spec: ClusterSpec, member: Member, verb: Verb, *, at: float, epoch: int) -> Action:
    """Return the order to launch or to terminate a member."""
    where = {(p.network_partition, p.partition): p for p in spec.partitions}
    partition = where.get((member.network_partition, member.partition), spec.partitions[0])
    return Action(
        action=f"{member.member}/{verb}",
        verb=verb,
        tenant=member.tenant,
        application=member.application,
        cluster=member.cluster,
        member=member.member,
        cartridge=member.cartridge,
        provider=member.provider or partition.provider,
        network_partition=member.network_partition,
        partition=member.partition,
        epoch=epoch,
        at=at,
        launch=_launch(spec, partition) if verb is Verb.LAUNCH else None,
        grace_s=spec.cartridge.grace_s,
    )


def _launch(spec: ClusterSpec, partition: PartitionSpec) -> Launch:
    """Return what an instance of this cluster is made of, in this partition."""
    cartridge = spec.cartridge
    return Launch(
        command=list(cartridge.command),
        image=cartridge.image,
        environment=dict(cartridge.environment),
        ports=port_range(partition.properties.get("portRange", "")),
        health=cartridge.health,
        grace_s=cartridge.grace_s,
        properties=dict(partition.properties) | dict(cartridge.properties),
    )


def port_range(text: str) -> list[int]:
    """Return the ports of ``low-high``, or none for an empty text (the definition was checked)."""
    if not text:
        return []
    low, _, high = text.partition("-")
    return list(range(int(low), int(high or low) + 1))
