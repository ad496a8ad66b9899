"""Whether a shadow has shown enough to be put in force. Pure."""

from collections.abc import Mapping, Sequence

from pileus.subjects import Subject
from streams.moments import written
from streams.records.control import Shadow
from streams.records.decision import Decision

LEAST_S = 600.0
"""How long a shadow must have decided."""
SILENT_S = 180.0
"""A shadow that was not heard for so long does not decide any more: three heartbeats."""


def why_not(
    subject: Subject,
    order: Shadow,
    decisions: Mapping[str, Sequence[Decision]],
    *,
    declared_at: float,
    now: float,
) -> str:
    """Return why a shadow is not to be promoted yet; empty when nothing speaks against it.

    ``decisions`` are those of shadows, by cluster, oldest first, back to the one that held ``LEAST_S`` ago.
    ``declared_at`` is when the policy in force was declared last (s since the Unix epoch).
    """
    if declared_at > order.at:
        return f"{order.policy} was declared anew at {written(declared_at)}, after its shadow began beside another one"
    for cluster in subject.clusters:
        mine = [each for each in decisions.get(cluster.cluster, ()) if each.given.shadow == order.at]
        if not mine:
            return f"the shadow has decided nothing for {cluster.cluster}, which uses {order.policy} too"
        if now - mine[-1].at > SILENT_S:
            return f"the shadow has not decided for {cluster.cluster} since {written(mine[-1].at)}"
        if now - mine[0].at < LEAST_S:
            lasted = f"the shadow has decided for {cluster.cluster} for {now - mine[0].at:.0f} s"
            return f"{lasted}, at least {LEAST_S:.0f} s are asked for"
    return ""
