"""An *application policy* says in which network partitions an application lives, and in which order it bursts."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from config.definition import Declaration, Id, Property, properties

GROUPS = "networkPartitionGroups"
"""Property of an application policy: waves apart by ``,``, network partitions of one wave apart by ``|``."""
STALE_GROUPS = "network-partition-groups"
"""Its older name, which Stratos did not read any more."""


class ApplicationPolicy(Declaration):
    """An application policy: Stratos' document."""

    KIND: ClassVar[str] = "applicationPolicy"

    id: Id
    algorithm: Literal["one-after-another", "all-at-once"]
    """``one-after-another``: into the next network partition when one is full; ``all-at-once``: in all of them."""
    network_partitions: Annotated[tuple[Id, ...], Field(min_length=1)]
    burst: Literal["application", "clusters"] = "application"
    """What bursts: a whole application instance, or only the clusters (groups whole) that find no room."""
    burst_order: Literal["declared", "price"] = "declared"
    """Which network partition comes next, after the first wave: the next one declared, or the cheapest one."""
    properties: tuple[Property, ...] = ()

    def waves(self) -> tuple[tuple[str, ...], ...]:
        """Return the network partitions in the order they are used, those of one wave together."""
        one_each = tuple((name,) for name in self.network_partitions)
        given = properties(self.properties).get(GROUPS)
        if not given:
            return one_each
        groups = ((name.strip() for name in wave.split("|")) for wave in given.split(","))
        return tuple(filter(None, (tuple(filter(None, names)) for names in groups))) or one_each
