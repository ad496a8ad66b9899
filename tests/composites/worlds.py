"""Worlds with a fate that :class:`tests.composing.World` does not have."""

from config.tree import ApplicationSpec
from streams.records.instance import Announcement
from streams.records.member import State
from tests.actuator_builders import a_backend, a_report
from tests.composing import World


class Busy(World):
    """A world in which no member that drains ever ends its requests: a second balancer says so."""

    def _balance(self) -> None:
        for spec in self._specs.values():
            busy = [a_backend(m, routed=False, in_flight=1) for m in self.of(spec.alias, State.DRAINING)]
            self.publish(self.decider.report(a_report(*busy, at=self.at, balancer="lb-2", cluster=spec.cluster)))
        super()._balance()


def up(spec: ApplicationSpec) -> World:
    """Bring an application to life."""
    world = World(spec)
    world.until_active()
    return world


def states(world: World) -> dict[str, str]:
    """Return the newest word on every cluster."""
    return {r.alias: r.state for _, r in world.log if isinstance(r, Announcement)}
