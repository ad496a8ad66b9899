"""The balancer adapter for a program of anybody's: it gets requests on standard input and answers on standard output.

The program is started when it is first needed, and again when it ended, hung or lost its place; it is told then who is
wanted, in full. What it keeps of its own from one start to the next is its own affair. A service that is asked by HTTP
may stand in its place.
"""

import asyncio
import threading
import time
from collections.abc import Collection
from pathlib import Path

import msgspec
import structlog

from actuators.balancers.checked import sort_out
from actuators.balancers.external_endpoint import Endpoint
from actuators.balancers.external_file import read
from actuators.balancers.external_program import NoAnswerError, Program
from actuators.balancers.external_wire import ANSWER, Answer, Request, Wanted, fault_of, traffic, wanted
from actuators.circuit import Bucket, Circuit
from actuators.ports import BalancerError, ClusterTraffic, Target

STARTS, STARTS_PER_S = 5.0, 0.2
"""Starts of the program at once, and in the mean."""

log = structlog.get_logger()


class ExternalBalancer:
    """Drives the balancer that the program in ``directory`` stands for. One object at a time may drive a cluster."""

    def __init__(self, directory: Path) -> None:
        self._given = read(directory)
        given = self._given
        self._program = Endpoint(given.url) if given.url else Program(given.command, directory)
        self._generations = dict.fromkeys(self._given.clusters, 0)
        self._desired: dict[str, tuple[Wanted, ...]] = {}
        self._circuit = Circuit()
        self._starts = Bucket(STARTS_PER_S, STARTS, STARTS, time.monotonic())
        self._one = threading.Lock()
        self._asked = 0
        self.refused = 0
        """Answers that could not be used."""

    async def apply(self, cluster: str, targets: Collection[Target]) -> None:
        """Tell the program who is to receive new requests, all of them.

        Raises
        ------
        BalancerError
            The cluster is unknown, a target is refused, or the program does not answer, or not as it must.
        """
        self.require(cluster)
        good, refused = sort_out(targets)
        desired = wanted(tuple(good.values()))
        if self._desired.get(cluster) != desired:
            self._desired[cluster] = desired
            self._generations[cluster] += 1
        answer = await asyncio.to_thread(self._told, cluster)
        refused += answer.refused
        if answer.applied != self._generations[cluster]:
            refused.append(f"generation {self._generations[cluster]} is not applied, but {answer.applied}")
        if refused:
            raise BalancerError(f"external: {cluster}: {'; '.join(refused)}")

    async def traffic(self, cluster: str) -> ClusterTraffic:
        """Return what the program says of a cluster; one that has forgotten who is wanted is told again.

        Raises
        ------
        BalancerError
            As :meth:`apply`.
        """
        self.require(cluster)
        return traffic(await asyncio.to_thread(self._asked_for, cluster))

    def require(self, cluster: str) -> None:
        """Raise :class:`BalancerError` when the program does not serve ``cluster``."""
        there = self._given.clusters
        if cluster not in there:
            raise BalancerError(f"external: no cluster '{cluster}', there is {', '.join(sorted(there)) or 'none'}")

    def close(self) -> None:
        """End the program: its input ends."""
        with self._one:
            self._program.end()

    def _told(self, cluster: str) -> Answer:
        """Tell the program who is wanted."""
        with self._one:
            self._ready(but=cluster)
            return self._exchange(cluster, self._desired[cluster])

    def _asked_for(self, cluster: str) -> Answer:
        """Ask how a cluster stands."""
        with self._one:
            self._ready()
            answer = self._exchange(cluster, None)
            if cluster in self._desired and answer.applied != self._generations[cluster]:
                answer = self._exchange(cluster, self._desired[cluster])
            return answer

    def _ready(self, *, but: str = "") -> None:
        """Make sure that the program runs, and knows who is wanted in every cluster, ``but`` in one."""
        if self._program.alive:
            return
        now = time.monotonic()
        if not self._circuit.admits(now):
            left = max(0.0, self._circuit.open_until - now)
            raise BalancerError(
                f"external: failed {self._circuit.failures} times in a row, rests for {left:.0f} s more"
            )
        if self._starts.take(now, most_s=0.0) is None:
            self._circuit.abandoned()
            raise BalancerError(f"external: started {STARTS:.0f} times at once, waits for the next")
        try:
            self._program.start()
        except NoAnswerError as error:
            raise self._failed(str(error)) from error
        log.info("the balancer's program is started", program=self._given.name)
        for cluster, desired in self._desired.items():
            if cluster != but:
                self._exchange(cluster, desired)

    def _exchange(self, cluster: str, desired: tuple[Wanted, ...] | None) -> Answer:
        """Ask once. Whoever lost the place in the conversation is ended."""
        self._asked += 1
        request = Request(
            id=self._asked,
            cluster=cluster,
            listen=self._given.clusters[cluster],
            generation=self._generations[cluster],
            desired=desired,
        )
        try:
            line = self._program.ask(msgspec.json.encode(request), self._given.timeout_s)
        except NoAnswerError as error:
            raise self._failed(str(error)) from error
        try:
            answer = ANSWER.decode(line)
        except msgspec.DecodeError as error:
            raise self._bad(f"{error}: {line[:100]!r}", lost=not isinstance(error, msgspec.ValidationError)) from error
        if answer.id != request.id:
            raise self._bad(f"id = {answer.id}: must be the request's, {request.id}", lost=True)
        self._circuit.answered()
        if fault := fault_of(answer):
            raise self._bad(fault, lost=False)
        if answer.error:
            raise BalancerError(f"external: {answer.error}")
        return answer

    def _failed(self, why: str) -> BalancerError:
        """Note that there is no answer."""
        self._circuit.failed(time.monotonic())
        return BalancerError(f"external: {self._given.name} does not answer: {why}")

    def _bad(self, why: str, *, lost: bool) -> BalancerError:
        """Count an answer that cannot be used; when it is ``lost`` which answer is whose, end the program."""
        self.refused += 1
        if lost:
            self._program.end(0.0)
            self._circuit.failed(time.monotonic())
        return BalancerError(f"external: an answer is refused ({self.refused} so far): {why}")
