"""The balancer agent: keeps one balancer in step with the members, and says what it sees there.

It fails static. While the log of members cannot be read, or says nothing about a cluster, that cluster stays
as it is; when the agent ends, nobody is taken out; while the balancer does not answer, nothing is published:
missing is not zero.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

import structlog

from actuators.lb_cluster import ClusterView, Identity, together
from actuators.lb_desired import FAILS, Desired, candidates, desired
from actuators.lb_members import Seen
from actuators.ports import Balancer, BalancerError, ClusterTraffic, Target
from streams.records.member import Member, State
from streams.records.record import Record
from streams.records.sample import Requests
from streams.topics import BALANCERS, SAMPLES, Topic

LOOK_S = 0.1
"""How often it looks at the balancer (s)."""
CONFIRM_S = 5.0
"""How often it says again what did not change (s): the balancer's own state may have been changed by hand."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Applied:
    """What one cluster's balancer was told last."""

    targets: Collection[Target] | None = None
    """``None``: not known yet."""
    revision: int | None = None
    """How much of the log that was; ``None``: nothing yet."""
    due: float = 0.0
    """When to say it again (s, monotonic)."""
    held: tuple[str, ...] = ()
    errors: list[str] = field(default_factory=list)


class LbAgent:
    """One agent. ``seen`` returns the members' log as far as it was read, ``publish`` never waits.

    ``ask`` probes targets of one cluster and returns who answered; ``now`` is the clock that samples carry.
    ``linger_s``: how long the last members stay routed when they drain, for what a balancer before it still sends.
    """

    def __init__(
        self,
        who: Identity,
        *,
        balancer: Balancer,
        seen: Callable[[], Seen],
        ask: Callable[[str, Collection[Target]], Awaitable[Mapping[str, bool]]],
        publish: Callable[[Topic, Record], None],
        now: Callable[[], float],
        interval_s: float,
        probe_every_s: float,
        linger_s: float = 0.0,
    ) -> None:
        self._who = who
        self._balancer = balancer
        self._seen = seen
        self._ask = ask
        self._publish = publish
        self._now = now
        self._probe_every_s = probe_every_s
        self._linger_s = linger_s
        self._lingering: dict[str, dict[str, float]] = {cluster: {} for cluster in who.clusters}
        """Since when the last members of each cluster drain (s, monotonic)."""
        self._applied = {cluster: _Applied() for cluster in who.clusters}
        self._views = {cluster: ClusterView(who, cluster, interval_s=interval_s) for cluster in who.clusters}
        self._fails: dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set. Whoever is routed then stays so."""
        probing = asyncio.create_task(self._keep_probing())
        try:
            while not stop.is_set() and not probing.done():
                began = _loop_time()
                await self.look(*self._who.clusters)
                await _pause(stop, began + LOOK_S - _loop_time())
        finally:
            probing.cancel()
            (ended,) = await asyncio.gather(probing, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended

    async def look(self, *clusters: str) -> None:
        """Look at some clusters at once; publish the samples of intervals that have ended together."""
        found = await asyncio.gather(*(self._look(cluster) for cluster in clusters))
        for sample in together([each for each in found if each is not None]):
            self._publish(SAMPLES, sample)

    async def _look(self, cluster: str) -> Requests | None:
        """Tell the balancer what is wanted, if that is due; look at it, and report what is worth it."""
        applied = self._applied[cluster]
        errors: list[str] = []
        sample = None
        try:
            await self._apply(cluster, applied)
        except BalancerError as error:  # the next look says it again
            errors.append(str(error))
        try:
            sample = self._note(cluster, applied, await self._balancer.traffic(cluster))
        except BalancerError as error:
            errors.append(str(error))
        if errors != applied.errors:
            applied.errors = errors
            log.warning(
                "the balancer does not obey" if errors else "the balancer obeys", cluster=cluster, errors=errors
            )
        return sample

    async def probe(self) -> None:
        """Ask every member that may be routed, once."""
        members = self._seen().members
        of = {cluster: candidates(_of(cluster, members)) for cluster in self._who.clusters}
        answers = await asyncio.gather(*(self._ask(cluster, targets) for cluster, targets in of.items()))
        well = {member for each in answers for member, answered in each.items() if answered}
        asked = [target.member for targets in of.values() for target in targets]
        self._fails = {member: 0 if member in well else self._fails.get(member, 0) + 1 for member in asked}

    async def _keep_probing(self) -> None:
        """Probe for ever."""
        while True:
            began = _loop_time()
            await self.probe()
            await asyncio.sleep(max(0.0, began + self._probe_every_s - _loop_time()))

    async def _apply(self, cluster: str, applied: _Applied) -> None:
        """Tell the balancer who is wanted when that has changed, or was not said for long."""
        seen = self._seen()
        if not seen.complete or applied.targets is None:
            return
        wanted = self._desired(cluster, seen, applied.targets)
        if wanted.targets != applied.targets or _loop_time() >= applied.due:
            await self._balancer.apply(cluster, wanted.targets)
            self._tell(cluster, applied, wanted)
            applied.targets, applied.due = wanted.targets, _loop_time() + CONFIRM_S
        applied.revision = seen.revision

    def _desired(self, cluster: str, seen: Seen, targets: Collection[Target]) -> Desired:
        """Return who is wanted. Of a cluster that the log does not know, those it has."""
        if cluster not in seen.known:
            return Desired(targets=tuple(targets))
        members = _of(cluster, seen.members)
        wanted = desired(members, fails=self._fails, routed={target.member for target in targets})
        return wanted if wanted.targets else Desired(targets=self._last(cluster, members, targets))

    def _last(self, cluster: str, members: Mapping[str, Member], targets: Collection[Target]) -> tuple[Target, ...]:
        """Return those routed members that began to drain a moment ago, when there is nobody else."""
        states = {name: member.state for name, member in members.items()}
        draining = [target for target in targets if states.get(target.member) is State.DRAINING]
        before, now = self._lingering[cluster], _loop_time()
        since = self._lingering[cluster] = {target.member: before.get(target.member, now) for target in draining}
        return tuple(target for target in draining if now - since[target.member] < self._linger_s)

    def _note(self, cluster: str, applied: _Applied, traffic: ClusterTraffic) -> Requests | None:
        """Report what a look has shown; return the sample of an interval that has ended."""
        if applied.targets is None:
            applied.targets = tuple(state.target for state in traffic.targets if state.routed)
        answers = {member: fails < FAILS for member, fails in self._fails.items()}
        sample, report = self._views[cluster].look(traffic, self._now(), revision=applied.revision, answers=answers)
        if report is not None:
            self._publish(BALANCERS, report)
        return sample

    def _tell(self, cluster: str, applied: _Applied, wanted: Desired) -> None:
        """Log who enters and leaves."""
        before = {target.member for target in applied.targets or ()}
        after = {target.member for target in wanted.targets}
        if before != after:
            log.info("routes", cluster=cluster, enter=sorted(after - before), leave=sorted(before - after))
        if wanted.held != applied.held:
            applied.held = wanted.held
            log.warning("no member answers, all are kept", cluster=cluster, members=list(wanted.held))


def _of(cluster: str, members: Mapping[str, Member]) -> dict[str, Member]:
    """Return the members of one cluster."""
    return {name: member for name, member in members.items() if member.cluster == cluster}


def _loop_time() -> float:
    """Return the loop's clock (s)."""
    return asyncio.get_running_loop().time()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until stopped."""
    try:
        await asyncio.wait_for(stop.wait(), max(0.0, seconds))
    except TimeoutError:
        return
