"""What an application is, resolved: a tree of groups and clusters, with everything that orders them.

Aliases are unique in the application, so the edges between children of one group name plain aliases.
"""

from collections.abc import Iterator
from typing import Union

import msgspec

from config.cluster import ClusterSpec


class GroupSpec(msgspec.Struct, frozen=True, kw_only=True, tag="group"):
    """A group of an application, or its root."""

    alias: str
    """Unique in the application; the root's is the application's id."""
    name: str
    """The cartridge group; empty for the root."""
    min: int = 1
    """Instances of the group at least."""
    max: int = 1
    """Instances of the group at most; above 1 the group scales as a whole."""
    children: tuple[Union["GroupSpec", ClusterSpec], ...]
    """Clusters before groups, as declared."""
    order: tuple[tuple[str, str], ...] = ()
    """Start-up order of the children, a graph without cycles: the second starts when the first is Active."""
    dependents: tuple[frozenset[str], ...] = ()
    """Children that scale together: each in the ratio of its minimum (``min``, ``min_members``)."""
    termination: str = "none"
    """``none``, ``dependents`` or ``all``: what ends, and starts anew, when a child is Inactive."""
    termination_order: tuple[tuple[str, str], ...] = ()
    """The second ends when the first is gone. By default the start-up order reversed."""

    def clusters(self) -> Iterator[ClusterSpec]:
        """Yield every cluster here and below."""
        for child in self.children:
            if isinstance(child, ClusterSpec):
                yield child
            else:
                yield from child.clusters()

    def groups(self) -> Iterator["GroupSpec"]:
        """Yield this group and all below."""
        yield self
        for child in self.children:
            if isinstance(child, GroupSpec):
                yield from child.groups()


class BudgetSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What may be used at most; ``None`` is no bound."""

    applications: int | None = None
    members: int | None = None
    cost_per_hour: float | None = None


class DomainSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A further host name of a cluster."""

    alias: str
    domain: str
    context_path: str = ""


class ApplicationSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One application of one tenant."""

    tenant: str
    application: str
    multi_tenant: bool = False
    root: GroupSpec
    network_partitions: tuple[str, ...]
    """In the order they are used."""
    waves: tuple[tuple[str, ...], ...] = ()
    """The same, those of one wave together."""
    algorithm: str = "one-after-another"
    """``one-after-another`` or ``all-at-once``, over network partitions."""
    burst: str = "application"
    """What bursts into a further wave: the whole ``application``, or only the ``clusters`` that find no room."""
    budget: BudgetSpec = BudgetSpec()
    quota: BudgetSpec = BudgetSpec()
    """The tenant's, all its applications together."""
    sign_ups: tuple[str, ...] = ()
    """Tenants that signed up, sorted."""
    domains: tuple[DomainSpec, ...] = ()

    def clusters(self) -> tuple[ClusterSpec, ...]:
        """Return every cluster of the application."""
        return tuple(self.root.clusters())
