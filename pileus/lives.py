"""The lives of applications, as a run tells them: what starts, serves and ends, in the order it happened. Pure."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from streams.records.instance import Instance, Level, Phase
from streams.records.member import Member, State

WAITS, STARTS = "waits", "starts"
"""What a created instance does: before and after everything it starts after is Active."""
QUIET = {STARTS, Phase.ACTIVE.value}
"""Changes that need no explanation."""
Application = tuple[str, str]
"""Tenant and id."""


@dataclass(frozen=True, slots=True)
class Change:
    """One instance does something new."""

    at: float
    """When that was written (s since the Unix epoch)."""
    instance: Instance
    word: str
    """``waits``, ``starts``, or the name of its phase."""

    @property
    def name(self) -> str:
        """Return what the instance is called for people."""
        return short_name(self.instance)

    def said(self) -> str:
        """Return the change in words, without the time."""
        return said(self.instance)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one cluster instance stands."""

    instance: Instance
    serving: int
    """Members of it that serve."""


class Lives:
    """The newest record of every instance and member, and every change since the beginning of a run."""

    def __init__(self, tell: Callable[[Change], None] = lambda _: None) -> None:
        self.changes: list[Change] = []
        self._tell = tell
        self._instances: dict[str, Instance] = {}
        self._members: dict[str, Member] = {}

    def instance(self, record: Instance, at: float, *, new: bool = True) -> None:
        """Take in a record that was written at ``at``; one that is not ``new`` is from before the run."""
        before = self._instances.get(record.instance)
        self._instances[record.instance] = record
        change = Change(at, record, word(record))
        if new and (before is None or word(before) != change.word):
            self.changes.append(change)
            self._tell(change)

    def member(self, record: Member) -> None:
        """Take in a record of a member."""
        if record.state is State.TERMINATED:
            self._members.pop(record.member, None)
        else:
            self._members[record.member] = record

    def forget(self, key: str) -> None:
        """Take in that nothing is kept of an instance any more."""
        self._instances.pop(key, None)

    def left(self, applications: Collection[Application]) -> list[Instance]:
        """Return the instances of some applications that are not terminated."""
        return [
            each
            for each in self._instances.values()
            if (each.tenant, each.application) in applications and each.phase is not Phase.TERMINATED
        ]

    def clusters(self, applications: Collection[Application]) -> Iterator[Standing]:
        """Yield how the clusters of some applications stand, in the order in which they were created."""
        for each in self.left(applications):
            if each.level is Level.CLUSTER:
                here = (member for member in self._members.values() if member.cluster_instance == each.instance)
                yield Standing(each, sum(member.state is State.ACTIVE for member in here))


def word(instance: Instance) -> str:
    """Say in one word what an instance does."""
    if instance.phase is Phase.CREATED:
        return STARTS if instance.started else WAITS
    return instance.phase.value


def said(instance: Instance) -> str:
    """Say which instance does what, and why unless that needs no explanation."""
    name, does, why = short_name(instance), word(instance), instance.why
    if does == WAITS and why.startswith(WAITS):
        return f"{name} {why}"
    return f"{name} {does}" + (f": {why}" if why and does not in QUIET else "")


def short_name(instance: Instance) -> str:
    """Return an instance's name within its application: its alias, and the groups around it where they are numbered.

    The first instance of each group is not told apart: ``api``, then ``backend.2/api``.
    """
    prefix = f"{instance.tenant}/{instance.application}/{instance.network_partition}"
    inner = instance.instance.removeprefix(prefix).strip("/")
    groups = inner.split("/")[:-1]
    return instance.alias if all(each.endswith(".1") for each in groups) else inner
