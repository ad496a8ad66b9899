"""The contract of a balancer that anybody plugs in: a request in one line of JSON, an answer in another. Pure.

``docs/schema/balancer-request.json`` and ``balancer-answer.json`` are made of these records.
"""

from collections import Counter
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from actuators.ports import BalancerError, ClusterTraffic, Target, TargetState

Count = Annotated[int, Meta(ge=0)]
MOST_BACKENDS = 10_000


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A member that should receive requests."""

    member: str
    host: str
    """IP address."""
    port: Annotated[int, Meta(ge=0, le=65535)]
    instance: str = ""
    """The cloud's own name for it, where known."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent asks: to make a state so, or only how things stand."""

    version: Literal[1] = 1
    id: int
    """The answer says it again."""
    cluster: str
    listen: str = ""
    """Where clients ask this cluster (``HOST:PORT``); empty: the balancer knows."""
    generation: int
    """Of ``desired``; grows with each change of it. 0: the agent does not know yet who is wanted."""
    desired: tuple[Wanted, ...] | None = None
    """Everybody who should receive requests, each time; ``null``: change nothing, only tell."""


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """One member as the balancer has it."""

    member: Annotated[str, Meta(min_length=1)]
    host: str
    port: Annotated[int, Meta(ge=0, le=65535)]
    instance: str = ""
    routed: bool
    """True while new requests may go to it. False is a promise: none will be sent any more."""
    in_flight: Count | None = None
    """Requests open on it now; ``null``: the balancer cannot tell."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand after the request."""

    version: Literal[1]
    id: int
    """The request's."""
    applied: int | None = None
    """Generation that is in force for the cluster; ``null``: none since the balancer started."""
    backends: Annotated[tuple[Backend, ...], Meta(max_length=MOST_BACKENDS)] | None = None
    """Everybody who is routed or still carries a request; ``null`` only beside an error."""
    in_flight: Count | None = None
    """Requests open on the cluster, those that wait for a member included; ``null``: the balancer cannot tell."""
    count: Count | None = None
    """Requests since the balancer started; ``null``: it cannot tell."""
    refused: tuple[str, ...] = ()
    """Why parts of ``desired`` were not applied."""
    error: str = ""
    """Why there is no answer: nothing is concluded from the rest then."""


ANSWER = msgspec.json.Decoder(Answer)


def wanted(targets: tuple[Target, ...]) -> tuple[Wanted, ...]:
    """Return targets as a request says them."""
    return tuple(Wanted(member=t.member, host=t.host, port=t.port, instance=t.instance) for t in targets)


def fault_of(answer: Answer) -> str:
    """Say what is wrong with an answer that can be read; empty: nothing."""
    if answer.error:
        return ""
    if answer.backends is None:
        return "neither backends nor an error"
    twice = [member for member, times in Counter(each.member for each in answer.backends).items() if times > 1]
    return f"backends has {', '.join(sorted(twice)[:3])} more than once" if twice else ""


def traffic(answer: Answer) -> ClusterTraffic:
    """Return what an answer tells."""
    if answer.backends is None:
        raise BalancerError(f"external: {answer.error}")
    states = [
        TargetState(
            target=Target(member=each.member, host=each.host, port=each.port, instance=each.instance),
            routed=each.routed,
            in_flight=each.in_flight,
        )
        for each in sorted(answer.backends, key=lambda each: each.member)
    ]
    return ClusterTraffic(targets=states, in_flight=answer.in_flight, count=answer.count)
