"""Step policies: how far a number may go at once, and when it may go on. As the Kubernetes HPA reckons.

Percentages are reckoned in whole numbers, so a step is never larger than the policy says (the HPA's floating point
adds 11 to 100 at 10 %).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.cluster import Behavior, StepPolicy
from streams.records.decision import Recommendation

EPSILON_S = 1e-6
"""A moment later: sums of times are rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Where a cluster stands when it is to take a step."""

    before: int
    """Members wanted so far."""
    least: int
    most: int
    changes: Sequence[Recommendation]
    """What was changed of late; what minimum and maximum have forced was no step."""

    def reach(self, behavior: Behavior, *, growing: bool, at: float) -> int:
        """Return how far the policies of one direction let the number go now; never behind where it stands."""
        if behavior.select == "Disabled" or not behavior.policies:
            bound = self.before
        else:
            bounds = [_bound(policy, self._start(policy, at), growing=growing) for policy in behavior.policies]
            bound = max(bounds) if growing == (behavior.select == "Max") else min(bounds)
        return max(bound, self.before, self.least) if growing else min(bound, self.before, self.most)

    def goes_on_at(self, behavior: Behavior, *, growing: bool, at: float) -> float | None:
        """Return when the policies let the number go further than now; ``None``: never."""
        now = self.reach(behavior, growing=growing, at=at)
        times = sorted(
            {c.at + p.period_s for c in self.changes for p in behavior.policies if c.at + p.period_s > at},
        )
        for later in times:
            then = self.reach(behavior, growing=growing, at=later + EPSILON_S)
            if then > now if growing else then < now:
                return later
        return None

    def _start(self, policy: StepPolicy, at: float) -> int:
        """Return the number at the start of a policy's period."""
        start = self.before - sum(change.members for change in self.changes if change.at > at - policy.period_s)
        return min(max(start, self.least), self.most)


def _bound(policy: StepPolicy, start: int, *, growing: bool) -> int:
    """Return what one step policy allows, counted from the number at the start of its period."""
    if policy.kind == "Pods":
        return start + policy.value if growing else start - policy.value
    return -(-start * (100 + policy.value) // 100) if growing else start * (100 - policy.value) // 100


def rule(behavior: Behavior, *, growing: bool) -> str:
    """Say in words what the step policies allow."""
    if behavior.select == "Disabled" or not behavior.policies:
        return f"scaling {'up' if growing else 'down'} is disabled"
    steps = [f"{_size(policy)} in {policy.period_s:g} s" for policy in behavior.policies]
    return f"at most {(' or ' if behavior.select == 'Max' else ' and ').join(steps)}"


def _size(policy: StepPolicy) -> str:
    if policy.kind != "Pods":
        return f"{policy.value} %"
    return "1 member" if policy.value == 1 else f"{policy.value} members"
