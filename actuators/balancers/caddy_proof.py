"""When a member is surely out of Caddy: nothing says so, but its health checks can be counted.

A member whose file is gone stays eligible until its next check. Each round checks every declared
port at once. When, since the file went, twice as many checks have ended as ports are declared, and
none is under way, a whole round has begun *and* ended after it: the member is known to be out. A
request that had chosen it just before is counted as in flight within microseconds; ``SETTLE_S`` is
allowed for it.
"""

from dataclasses import dataclass, replace

from actuators.balancers.caddy_counts import Counts

SETTLE_S = 0.02
"""From chosen to counted: the longest that is allowed for (s)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How far it is proven that one member gets no new request."""

    started: float
    """The Caddy that it holds for: a new one begins with every port eligible."""
    checks: int
    """Checks ended when the watch began, after the file went."""
    passed_at: float | None = None
    """When a whole round was seen to be over (s, monotonic)."""

    def out(self, at: float) -> bool:
        """Say whether no new request can reach the member at ``at`` (s, monotonic)."""
        return self.passed_at is not None and at - self.passed_at >= SETTLE_S


def advance(proof: Proof | None, counts: Counts, *, ports: int, at: float) -> Proof:
    """Take in what Caddy counted at ``at``, all of it read after the file went. ``None`` begins the watch."""
    if proof is None or proof.started != counts.started or counts.checks < proof.checks:
        return Proof(started=counts.started, checks=counts.checks)
    over = counts.checks >= proof.checks + 2 * ports and counts.checking == 0
    return replace(proof, passed_at=at) if over and proof.passed_at is None else proof
