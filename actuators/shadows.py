"""*Shadows*: policies that decide beside those in force, on the same ticks, and cannot act. Pure.

Nothing that plans or launches knows this module (``pyproject.toml`` forbids the import): a shadow's decision is
published, and that is all.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from actuators.judge import Judge, Remembered
from config.autoscaling import AutoscalingPolicy
from config.cluster import ClusterSpec, PredictionSpec
from config.errors import Problem
from config.parse import Source, parse
from config.resolve import governed
from config.tree import ApplicationSpec
from streams.records.control import Shadow
from streams.records.decision import Memory


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What one cluster's shadow must not forget over a restart."""

    ordered: float
    """When the shadow was ordered: of another one nothing is remembered."""
    remembered: Remembered


@dataclass(slots=True)
class Beside:
    """One cluster under its shadow."""

    ordered: float
    spec: ClusterSpec
    """As the shadow would have it."""
    differs: bool
    """True when its load is to be forecast otherwise than for the policy in force."""
    judge: Judge | None = None
    """``None`` until it begins."""


class Shadows:
    """The shadows of one partition's clusters."""

    def __init__(self, heartbeat_s: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._orders: dict[str, Shadow] = {}
        """The newest of each key, ends too: an older one that comes late does not count."""
        self._specs: tuple[ApplicationSpec, ...] = ()
        self._kept: dict[str, Kept] = {}
        self.beside: dict[str, Beside] = {}
        """By cluster id; only those that have one."""

    def take(self, order: Shadow) -> None:
        """Take in an order: the newest of a policy counts."""
        known = self._orders.get(order.scope)
        if known is None or known.at <= order.at:
            self._orders[order.scope] = order
            self._fit()

    def define(self, specs: Iterable[ApplicationSpec]) -> None:
        """Take in what is declared now. With its cluster, or when that takes another policy, a shadow ends."""
        self._specs = tuple(specs)
        if self._orders:
            self._fit()
        self._kept.clear()

    def prediction(self, cluster: str) -> PredictionSpec | None:
        """Return how a cluster's shadow has its load forecast; ``None`` when there is none that differs."""
        beside = self.beside.get(cluster)
        return beside.spec.prediction if beside is not None and beside.differs else None

    def begin(self, memories: Mapping[str, Memory], *, at: float) -> None:
        """Begin what is ordered, from what the policy in force remembers before the tick (s since the Unix epoch).

        One whose policy in force has decided nothing yet waits. ``memories`` are those of every cluster with a shadow.
        """
        for cluster, beside in self.beside.items():
            memory = memories.get(cluster, Memory())
            if beside.judge is None and beside.ordered <= at and memory.wanted is not None:
                beside.judge = self._judge(beside.ordered, Remembered(memory=memory))

    def snapshot(self) -> dict[str, Kept]:
        """Return what is remembered, by cluster."""
        now = {
            name: Kept(ordered=each.ordered, remembered=each.judge.remembered)
            for name, each in self.beside.items()
            if each.judge is not None
        }
        return self._kept | now

    def restore(self, kept: Mapping[str, Kept]) -> None:
        """Go on from what was remembered. Call it before anything is fed."""
        self._kept = dict(kept)

    def _fit(self) -> None:
        """Give every cluster the shadow that is ordered for its policy; one that goes on keeps its judge."""
        before, policies = self.beside, {name: policy_of(order) for name, order in self._orders.items()}
        self.beside = {}
        for spec, order in self._ordered():
            policy = policies[order.scope]
            if not isinstance(policy, AutoscalingPolicy):
                continue
            shadow = governed(spec, policy)
            known, kept = before.get(spec.cluster), self._kept.pop(spec.cluster, None)
            judge = known.judge if known is not None and known.ordered == order.at else None
            if judge is None and kept is not None and kept.ordered == order.at:
                judge = self._judge(order.at, kept.remembered)
            self.beside[spec.cluster] = Beside(order.at, shadow, shadow.prediction != spec.prediction, judge)

    def _ordered(self) -> Iterator[tuple[ClusterSpec, Shadow]]:
        """Yield each cluster that is declared with the order that is about it."""
        orders = {(each.tenant, each.policy): each for each in self._orders.values()}
        for application in self._specs:
            for spec in application.clusters():
                order = orders.get((spec.tenant, spec.policy.policy))
                if order is not None and order.concerns(spec.tenant, spec.policy.policy, spec.cluster):
                    yield spec, order

    def _judge(self, ordered: float, remembered: Remembered) -> Judge:
        return Judge(self._heartbeat_s, remembered, shadow=ordered)


def policy_of(order: Shadow) -> AutoscalingPolicy | tuple[Problem, ...]:
    """Return the policy of a shadow, or what is wrong with it; nothing is wrong with an end, which has none."""
    if order.document is None:
        return ()
    parsed = parse(Source(f"pileus.control[{order.scope}]", order.document, AutoscalingPolicy.KIND))
    if isinstance(parsed.definition, AutoscalingPolicy):
        return parsed.definition
    wrong = Problem(file=parsed.source.file, bound=f"must be of kind {AutoscalingPolicy.KIND}")
    return parsed.problems or (wrong,)
