"""Whom a balancer should send requests to, given what the members' log and their probes say."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from actuators.ports import Target
from streams.records.member import Member, State

SERVING = frozenset({State.STARTING, State.ACTIVE})
"""States of the members that should receive requests once they answer."""
FAILS = 2
"""Probes failed in a row that take a member out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """Whom to send requests to, and whom only because there is nobody else."""

    targets: tuple[Target, ...]
    """Sorted by member."""
    held: tuple[str, ...] = ()
    """Members whose probe fails: all of them, so it is more likely the probe, and taking them out helps nobody."""


def candidates(members: Mapping[str, Member]) -> list[Target]:
    """Return the members that may be sent requests if they answer, sorted."""
    return [
        Target(member=name, host=member.host, port=member.port, instance=member.instance)
        for name, member in sorted(members.items())
        if member.state in SERVING and member.host and member.port
    ]


def desired(members: Mapping[str, Member], *, fails: Mapping[str, int], routed: Collection[str]) -> Desired:
    """Choose the targets of one cluster.

    ``fails`` counts each member's probes that failed in a row; a member that was never asked is not in it.
    ``routed`` are the members that receive requests now: they stay until they have failed ``FAILS`` times.
    Another one enters when it has answered. A member that drains, ends or is unknown goes out, whatever it answers.
    """
    able = candidates(members)
    good = [t for t in able if (fails.get(t.member, 0) < FAILS if t.member in routed else fails.get(t.member) == 0)]
    if good:
        return Desired(targets=tuple(good))
    held = [t for t in able if t.member in routed]
    return Desired(targets=tuple(held), held=tuple(t.member for t in held))
