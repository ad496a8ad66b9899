"""The cloud in memory, for dry runs, replays and tests: a capacity, a boot time, and the faults it is told to have."""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from actuators.clouds.names import check_member
from actuators.ports import CloudError, Instance, InvalidRequestError, OutOfCapacityError, TransientCloudError, Where
from streams.records.action import Launch

CALLS_KEPT = 100_000
"""How many calls the log holds; the oldest go first."""
FIRST_PORT = 20_000
"""Ports of instances whose launch names none, counted up from here, each given once until all were."""
PORTS = 40_000


class Call(StrEnum):
    """What can be asked of a cloud."""

    INSTANCES = "instances"
    LAUNCH = "launch"
    TERMINATE = "terminate"


class Fault(StrEnum):
    """How a call can fail."""

    OUT_OF_CAPACITY = "out-of-capacity"
    TRANSIENT = "transient"
    INVALID = "invalid"
    TIMED_OUT = "timed-out"
    """The cloud does what it was asked, and the caller is told that it did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One line of the script of faults: which calls fail, how, and how many of them."""

    call: Call
    fault: Fault
    member: str = ""
    """Calls for this member alone; empty: for any."""
    partition: str = ""
    """Launches in this partition alone; empty: in any."""
    times: int = 1
    """How many calls fail (>= 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One call, as the log has it."""

    at: float
    """When, by the cloud's clock (s)."""
    call: Call
    member: str = ""
    error: str = ""
    """The name of the error that the caller got; empty when there was none."""


@dataclass(frozen=True, slots=True)
class _Booting:
    """An instance, and when it is up."""

    instance: Instance
    up_at: float


class MemoryCloud:
    """Keep instances as entries of a dictionary.

    An instance shows in ``instances`` at once; its host and port are unknown ("" and 0) until it has booted.

    Parameters
    ----------
    now : callable
        Time (s): the clock's in a dry run, the recording's in a replay.
    capacity : mapping of int, optional
        Room of each partition (instances); a partition not named does not exist. Without it there is no limit.
    boot_s : float
        From launch to known port (s, >= 0).
    boot_spread_s : float
        The boot takes up to this much longer (s, >= 0), evenly distributed, drawn from ``seed`` launch by launch.
    failures : sequence of Failure
        The faults, in the order in which they are used up: a call meets the first line that fits and is not spent.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        capacity: Mapping[str, int] | None = None,
        boot_s: float = 0.0,
        boot_spread_s: float = 0.0,
        seed: int = 0,
        failures: Sequence[Failure] = (),
    ) -> None:
        if not (boot_s >= 0 and boot_spread_s >= 0):
            raise ValueError(f"boot_s = {boot_s}, boot_spread_s = {boot_spread_s}: must be >= 0")
        self._now = now
        self._capacity = None if capacity is None else dict(capacity)
        self._boot_s, self._boot_spread_s = boot_s, boot_spread_s
        self._chance = np.random.default_rng(seed)
        self._script = list(failures)
        self._left = [failure.times for failure in failures]
        self._alive: dict[str, _Booting] = {}
        self._ended: set[str] = set()
        self._launched = 0
        self._calls: deque[Called] = deque(maxlen=CALLS_KEPT)

    @property
    def calls(self) -> tuple[Called, ...]:
        """Every call so far, oldest first."""
        return tuple(self._calls)

    def lose(self, member: str) -> None:
        """Let an instance die by itself, as a host that fails."""
        if self._alive.pop(member, None) is not None:
            self._ended.add(member)

    async def instances(self) -> Mapping[str, Instance]:
        """Return every instance that is not gone, by member."""
        self._answer(Call.INSTANCES, lambda: None)
        return {member: self._seen(booting) for member, booting in self._alive.items()}

    async def launch(self, where: Where, launch: Launch) -> Instance:
        """Enter an instance. Asking twice for one member enters one; a member that has ended is refused as invalid."""
        self._answer(Call.LAUNCH, lambda: self._launch(where, launch), member=where.member, partition=where.partition)
        return self._seen(self._alive[where.member])

    async def terminate(self, member: str, grace_s: float) -> None:  # noqa: ARG002 - nothing takes time here
        """Remove an instance, at once. One that is gone, or never was, is a success; its name is not used any more."""
        self._answer(Call.TERMINATE, lambda: self._terminate(member), member=member)

    def _answer(self, call: Call, act: Callable[[], None], *, member: str = "", partition: str = "") -> None:
        """Do what was asked, or fail as the script says; write the call down either way."""
        error: CloudError | None = None
        try:
            fault = self._next_fault(call, member=member, partition=partition)
            if fault is None or fault is Fault.TIMED_OUT:
                act()
            if fault is not None:
                raise _error(fault, f"{call} {member}".rstrip())
        except CloudError as raised:
            error = raised
            raise
        finally:
            name = "" if error is None else type(error).__name__
            self._calls.append(Called(at=self._now(), call=call, member=member, error=name))

    def _next_fault(self, call: Call, *, member: str, partition: str) -> Fault | None:
        for i, failure in enumerate(self._script):
            fits = failure.call is call and failure.member in {"", member} and failure.partition in {"", partition}
            if fits and self._left[i] > 0:
                self._left[i] -= 1
                return failure.fault
        return None

    def _launch(self, where: Where, launch: Launch) -> None:
        check_member(where.member)
        if where.member in self._ended:
            raise InvalidRequestError(f"member {where.member} has ended: its name is never used again")
        if where.member in self._alive:
            return
        self._check_room(where.partition)
        port = self._free_port(launch.ports)
        boot_s = self._boot_s + float(self._chance.uniform(0.0, self._boot_spread_s))
        instance = Instance(where=where, instance=f"memory-{self._launched}", host="127.0.0.1", port=port)
        self._alive[where.member] = _Booting(instance, self._now() + boot_s)
        self._launched += 1

    def _check_room(self, partition: str) -> None:
        if self._capacity is None:
            return
        if partition not in self._capacity:
            raise InvalidRequestError(f"partition {partition!r} does not exist; there are {sorted(self._capacity)}")
        used = Counter(booting.instance.where.partition for booting in self._alive.values())[partition]
        if used >= self._capacity[partition]:
            raise OutOfCapacityError(f"partition {partition} is full: {used} of {self._capacity[partition]} instances")

    def _free_port(self, ports: Sequence[int]) -> int:
        if not ports:
            return FIRST_PORT + self._launched % PORTS
        taken = {booting.instance.port for booting in self._alive.values()}
        free = [port for port in ports if port not in taken]
        if not free:
            raise OutOfCapacityError(f"all {len(ports)} ports of {min(ports)}..{max(ports)} are taken")
        return free[0]

    def _seen(self, booting: _Booting) -> Instance:
        up = self._now() >= booting.up_at
        return booting.instance if up else replace(booting.instance, host="", port=0)

    def _terminate(self, member: str) -> None:
        self._alive.pop(member, None)
        self._ended.add(member)


def _error(fault: Fault, asked: str) -> CloudError:
    """Return the error that a caller gets for ``fault``."""
    match fault:
        case Fault.OUT_OF_CAPACITY:
            return OutOfCapacityError(f"{asked}: no room")
        case Fault.INVALID:
            return InvalidRequestError(f"{asked}: never")
        case Fault.TRANSIENT | Fault.TIMED_OUT:
            return TransientCloudError(f"{asked}: {fault}")
