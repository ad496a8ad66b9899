"""The two ports to the world, and the errors that come through them, named by what the caller should do."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streams.records.action import Launch


class CloudError(Exception):
    """Base of what a cloud may answer."""


class OutOfCapacityError(CloudError):
    """The partition has no room: place elsewhere."""


class QuotaExceededError(OutOfCapacityError):
    """The account may have no more there: place elsewhere, or have the quota raised."""


class CredentialsError(CloudError):
    """The cloud does not let this account do it: nothing succeeds until a person acts, so place elsewhere."""


class TransientCloudError(CloudError):
    """The cloud may accept the same request later."""


class TooSoonError(TransientCloudError):
    """Asked again before its time: nothing is wrong, and nothing is concluded."""


class InvalidRequestError(CloudError):
    """The cloud will never accept this request: the definition is wrong."""


class BalancerError(Exception):
    """The balancer did not take a change or did not answer; the same call may succeed later."""


class BalancerRefusedError(BalancerError):
    """The balancer will not do it until a person acts: credentials, rights, or a definition that is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What an instance belongs to: becomes its labels."""

    tenant: str
    application: str
    cluster: str
    member: str
    network_partition: str
    partition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance as the cloud reports it."""

    where: Where
    instance: str
    """The cloud's own name for it."""
    host: str = ""
    port: int = 0
    """Where it serves (or will); 0 when not known yet."""


class Cloud(Protocol):
    """Provision and release instances in one cloud.

    Calls are asynchronous and eventually consistent: ``launch`` returns once the cloud has
    accepted the request; the instance may show in ``instances`` later.
    """

    async def instances(self) -> Mapping[str, Instance]:
        """Return every instance of Pileus that is not gone, by member.

        Raises
        ------
        TransientCloudError
            The cloud did not answer. An empty mapping means "none", never "unknown".
        """
        ...

    async def launch(self, where: Where, launch: Launch) -> Instance:
        """Ask for an instance. Asking twice for one member launches one instance.

        Raises
        ------
        OutOfCapacityError
            The partition has no room.
        CredentialsError
            Not until a person acts.
        TransientCloudError
            Not now.
        InvalidRequestError
            Never.
        """
        ...

    async def terminate(self, member: str, grace_s: float) -> None:
        """Release an instance and return once it is gone. One already gone is a success, not an error.

        Raises
        ------
        TransientCloudError
            Not now.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A member that should receive requests."""

    member: str
    host: str
    port: int
    instance: str = field(default="", compare=False)
    """The cloud's own name for it, for balancers that route to instances; not every balancer remembers it."""
    weight: int = field(default=1, compare=False)
    """Its share of the requests beside the others', 1 to 256; on HAProxy only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """One target as the balancer has it."""

    target: Target
    routed: bool
    """True while new requests may go to it. False is a promise: none will be sent any more."""
    in_flight: int | None
    """Requests open on it now; ``None``: this balancer cannot tell, so nobody vouches for the member until it is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTraffic:
    """What the balancer knows of one cluster at one moment."""

    targets: Sequence[TargetState]
    """Every target that is routed or still carries a request."""
    in_flight: int | None
    """Requests open on the whole cluster, those that wait for a target included; ``None``: it cannot tell, and there
    is no sample of it."""
    count: int | None
    """Requests since the balancer started; ``None`` as ``in_flight``."""


class Balancer(Protocol):
    """Route the requests of clusters to their members (the LB extension API)."""

    async def apply(self, cluster: str, targets: Collection[Target]) -> None:
        """Make ``targets`` the ones that receive new requests. Level-triggered: say all of them, each time.

        Targets left out get no new request and keep those they have until they end.

        Raises
        ------
        BalancerError
            Not applied, or only in part; say it again.
        """
        ...

    async def traffic(self, cluster: str) -> ClusterTraffic:
        """Return who is routed and what is in flight.

        Raises
        ------
        BalancerError
            The balancer did not answer. Unknown is not zero.
        """
        ...
