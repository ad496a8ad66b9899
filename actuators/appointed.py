"""Which members of an application are the balancers of its other clusters. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from actuators.cluster import ClusterState
from config.routing import served
from config.tree import ApplicationSpec
from streams.records.member import State


@dataclass(frozen=True, slots=True)
class Appointed:
    """The balancers of one cluster."""

    serving: frozenset[str]
    """Members that are there and route to it."""
    alive: frozenset[str]
    """All balancers of the application that are not gone, whomever they serve."""


def balancers_of(application: ApplicationSpec, states: Collection[ClusterState]) -> dict[str, Appointed]:
    """Return the balancers of each cluster of an application that has any; nothing for one without."""
    balancers = [state for state in states if state.spec.cartridge.balances]
    if not balancers:
        return {}
    alive = frozenset(member for state in balancers for member in state.present())
    serving: dict[str, set[str]] = {each.spec.cluster: set() for each in states if each.spec.cartridge.balanced}
    for state in balancers:
        there = {name for name in state.present() if state.members[name].state is not State.CREATED}
        for cluster in served(application, state.spec):
            serving.setdefault(cluster.cluster, set()).update(there)
    return {cluster: Appointed(frozenset(members), alive) for cluster, members in serving.items()}
