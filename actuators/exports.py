"""What the members of one application export, and what its other members import. Pure."""

from collections.abc import Iterator, Mapping

from config.cluster import ClusterSpec
from config.tree import ApplicationSpec
from streams.records.metadata import Metadata, metadata_key, variable
from streams.records.record import Record

TENANTS = "tenants"
"""Under this name the members of a multi-tenant application hear who has signed up. No alias can make it: no dash."""


class Exports:
    """What each member exports, by name; of those that are gone the newest value alone."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, Metadata]] = {}
        self._alive: Mapping[str, float] = {}

    def take(self, record: Metadata) -> None:
        """Take in a value; an older one of the same member does not count."""
        of = self._values.setdefault(record.name, {})
        if record.member not in of or of[record.member].at <= record.at:
            of[record.member] = record
            newest = self._newest(record.name)
            self._values[record.name] = {m: v for m, v in of.items() if m in self._alive or v is newest}

    @property
    def empty(self) -> bool:
        """Say whether nothing was exported yet."""
        return not self._values

    def keep(self, alive: Mapping[str, float]) -> None:
        """Note which members are there, and since when (s since the Unix epoch)."""
        self._alive = alive

    def names(self) -> frozenset[str]:
        """Return the names that have a value now.

        A value counts while its member is there, or another one of its cluster that was there when it was exported:
        what an earlier start has exported does not.
        """
        return frozenset(name for name, of in self._values.items() if any(map(self._counts, of.values())))

    def environment(self, spec: ClusterSpec, application: ApplicationSpec) -> dict[str, str]:
        """Return what the members of a cluster get at launch: the values that are known, the last ones if need be."""
        found = {variable(name): self._newest(name).value for name in spec.imports if name in self._values}
        return found | ({"TENANTS": _signed_up(application)} if application.multi_tenant else {})

    def _newest(self, name: str) -> Metadata:
        """Return the newest value of a name, those of members that are there before others."""
        return max(self._values[name].values(), key=lambda value: (value.member in self._alive, value.at))

    def _counts(self, value: Metadata) -> bool:
        cluster = value.member.rpartition("-")[0]
        return value.member in self._alive or any(
            member.rpartition("-")[0] == cluster and since <= value.at for member, since in self._alive.items()
        )

    def tell(self, application: ApplicationSpec, at: float) -> Iterator[tuple[str, Record]]:
        """Tell the members of a multi-tenant application who has signed up, when that has changed."""
        if not application.multi_tenant:
            return
        value = _signed_up(application)
        if TENANTS not in self._values or self._newest(TENANTS).value != value:
            record = Metadata(
                tenant=application.tenant,
                application=application.application,
                name=TENANTS,
                value=value,
                member="",
                at=at,
            )
            self.take(record)
            yield metadata_key(application.tenant, application.application, TENANTS), record


def _signed_up(application: ApplicationSpec) -> str:
    """Return the tenants that signed up, separated by commas."""
    return ",".join(application.sign_ups)
