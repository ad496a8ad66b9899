"""What the members of one application export, and what its other members import. Pure."""

from collections.abc import Collection, Iterator

from config.cluster import ClusterSpec
from config.tree import ApplicationSpec
from streams.records.metadata import Metadata, metadata_key, variable
from streams.records.record import Record

TENANTS = "tenants"
"""Under this name the members of a multi-tenant application hear who has signed up. No alias can make it: no dash."""


class Exports:
    """The newest value of each name."""

    def __init__(self) -> None:
        self._values: dict[str, Metadata] = {}
        self._alive: Collection[str] = frozenset()

    def take(self, record: Metadata) -> None:
        """Take in a value; an older one than the one that is known does not count."""
        known = self._values.get(record.name)
        if known is None or known.at <= record.at:
            self._values[record.name] = record

    def keep(self, alive: Collection[str]) -> None:
        """Note who is there: a value counts for those that wait while the member that exported it is."""
        self._alive = alive

    def names(self) -> frozenset[str]:
        """Return the names that have a value now."""
        return frozenset(name for name, value in self._values.items() if value.member in self._alive)

    def environment(self, spec: ClusterSpec, application: ApplicationSpec) -> dict[str, str]:
        """Return what the members of a cluster get at launch: the values that are known, the last ones if need be."""
        found = {variable(n): self._values[n].value for n in spec.imports if n in self._values}
        return found | ({"TENANTS": _signed_up(application)} if application.multi_tenant else {})

    def tell(self, application: ApplicationSpec, at: float) -> Iterator[tuple[str, Record]]:
        """Tell the members of a multi-tenant application who has signed up, when that has changed."""
        if not application.multi_tenant:
            return
        known, value = self._values.get(TENANTS), _signed_up(application)
        if known is None or known.value != value:
            record = Metadata(
                tenant=application.tenant,
                application=application.application,
                name=TENANTS,
                value=value,
                member="",
                at=at,
            )
            self._values[TENANTS] = record
            yield metadata_key(application.tenant, application.application, TENANTS), record


def _signed_up(application: ApplicationSpec) -> str:
    """Return the tenants that signed up, separated by commas."""
    return ",".join(application.sign_ups)
