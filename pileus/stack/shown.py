"""What a run shows of composite applications: how each cluster stands, what is waited for, what changes. Pure."""

from collections.abc import Sequence

from config.cluster import ClusterSpec
from config.tree import ApplicationSpec
from pileus.lives import Application, Change, Lives, Standing, said, short_name, word
from pileus.stack.front import before, levels
from pileus.view import Cluster
from streams.records.instance import Instance, Level, Phase


def composites(applications: Sequence[ApplicationSpec]) -> frozenset[Application]:
    """Return the applications of several clusters: they are shown as a whole, and end in order."""
    return frozenset((each.tenant, each.application) for each in applications if len(each.clusters()) > 1)


def clusters(lives: Lives, applications: Sequence[ApplicationSpec]) -> list[Cluster]:
    """Return how each cluster of the composite applications stands, in start-up order."""
    several = len(composites(applications)) > 1
    return [
        Cluster(
            name=f"{of.application}/{short_name(of)}" if several else short_name(of),
            phase=word(of),
            wanted=of.wanted,
            serving=standing.serving,
            why=of.why,
        )
        for standing in _in_order(lives, applications)
        for of in [standing.instance]
    ]


def awaited(lives: Lives, applications: Sequence[ApplicationSpec], cluster: ClusterSpec) -> list[str]:
    """Say what has to come before a cluster can answer; nothing once it is Active.

    Of an application of one cluster nothing is said: it is asked at once.
    """
    whose = (cluster.tenant, cluster.application)
    application = next(each for each in applications if (each.tenant, each.application) == whose)
    if whose not in composites(applications):
        return []
    needed = {cluster.alias} | before(application, cluster.alias)
    standing = [each.instance for each in _in_order(lives, [application])]
    if any(each.alias == cluster.alias and each.phase is Phase.ACTIVE for each in standing):
        return []
    missing = [said(each) for each in standing if each.alias in needed and each.phase is not Phase.ACTIVE]
    return missing or ["the decider"]


def worth_telling(change: Change, applications: Sequence[ApplicationSpec]) -> bool:
    """Say whether a change is one of a cluster of a composite application."""
    return change.instance.level is Level.CLUSTER and _whose(change.instance) in composites(applications)


def _in_order(lives: Lives, applications: Sequence[ApplicationSpec]) -> list[Standing]:
    """Return the cluster instances of the composite applications, in start-up order."""
    at = {(each.tenant, each.application): levels(each) for each in applications}
    standing = lives.clusters(composites(applications))
    return sorted(
        standing, key=lambda each: (_whose(each.instance), at[_whose(each.instance)].get(each.instance.alias, 0))
    )


def _whose(instance: Instance) -> Application:
    """Return the application of an instance."""
    return instance.tenant, instance.application
