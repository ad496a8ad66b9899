"""The decider without its shell: forecasts, outcomes and balancer reports in; decisions, members and actions out.

One decider owns an application, and it alone writes that application's members. It reads no clock:
time comes in with the records. What it returns is to be published in the order given: an intent
stands in ``pileus.members`` before the action that it allows.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from actuators.cluster import ClusterState, Rules
from actuators.judge import Remembered
from config.cluster import ClusterSpec
from streams.records.action import Outcome
from streams.records.balancer import BalancerReport
from streams.records.forecast import Forecasts
from streams.records.instance import Announcement
from streams.records.member import Member
from streams.records.record import Record

LAYOUT = 1
"""Version of the snapshot."""


class Snapshot(msgspec.Struct):
    """What a restart needs beside the members: the last tick, and what each cluster's judge remembers."""

    at: float
    clusters: dict[str, Remembered]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A record with the key it is published under; its topic follows from its kind."""

    key: str
    record: Record


class Decider:
    """All clusters of one partition."""

    def __init__(self, rules: Rules, epoch: int = 0) -> None:
        self.rules = rules
        self.epoch = epoch
        self.at = 0.0
        self.clusters: dict[str, ClusterState] = {}
        self._remembered: Mapping[str, Remembered] = {}
        self._members: dict[str, dict[str, Member]] = {}

    def define(self, specs: Iterable[ClusterSpec], at: float) -> list[Envelope]:
        """Take in what operators declare, and announce the clusters that are new."""
        out: list[Envelope] = []
        for spec in specs:
            if (state := self.clusters.get(spec.cluster)) is not None:
                state.spec = spec
                continue
            state = ClusterState(spec, self.rules, self._remembered.get(spec.cluster))
            for member in self._members.pop(spec.cluster, {}).values():
                state.recall(member)
            self.clusters[spec.cluster] = state
            out.append(Envelope(spec.cluster, _instance(spec, at)))
        return out

    def recall(self, member: Member) -> None:
        """Take in a member as the log has it (before the first forecast after a start)."""
        if (state := self.clusters.get(member.cluster)) is not None:
            state.recall(member)
        else:
            self._members.setdefault(member.cluster, {})[member.member] = member

    def written(self, member: str, cluster: str, offset: int) -> None:
        """Note where in ``pileus.members`` a member's newest record stands."""
        if (state := self.clusters.get(cluster)) is not None:
            state.written(member, offset)

    def forecasts(self, record: Forecasts, *, act: bool = True) -> list[Envelope]:
        """Decide every cluster that is defined, on one tick. An older tick than the last one does nothing.

        ``act`` is false for a tick that lies in the past: it is decided, so that the memory is right, and not acted on.
        """
        if not self.at < record.at < math.inf:
            return []
        self.at = record.at
        out: list[Envelope] = []
        for forecast in record.clusters:
            if (state := self.clusters.get(forecast.cluster)) is not None:
                out += [Envelope(*pair) for pair in state.tick(forecast, record.at, self.epoch, act=act)]
        return out

    def outcome(self, outcome: Outcome) -> list[Envelope]:
        """Follow what came of an action."""
        state = self.clusters.get(outcome.cluster)
        return [] if state is None else [Envelope(*pair) for pair in state.outcome(outcome, self.epoch)]

    def report(self, report: BalancerReport) -> list[Envelope]:
        """Follow what a balancer says of a cluster."""
        state = self.clusters.get(report.cluster)
        return [] if state is None else [Envelope(*pair) for pair in state.report(report, self.epoch)]

    def snapshot(self) -> bytes:
        """Write down what is remembered."""
        now = {name: state.judge.remembered for name, state in self.clusters.items()}
        return msgspec.msgpack.encode(Snapshot(self.at, dict(self._remembered) | now))

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot. Call it before anything is fed."""
        snapshot = msgspec.msgpack.decode(state, type=Snapshot)
        self.at, self._remembered = snapshot.at, snapshot.clusters


def _instance(spec: ClusterSpec, at: float) -> Announcement:
    """Return the record that makes a cluster known to the stream worker."""
    return Announcement(
        tenant=spec.tenant,
        application=spec.application,
        cluster=spec.cluster,
        alias=spec.alias,
        cartridge=spec.cartridge.cartridge,
        network_partition=spec.partitions[0].network_partition,
        at=at,
        default_lead_time_s=spec.cartridge.lead_time_s,
    )
