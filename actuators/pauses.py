"""What is paused: the newest order of each scope, and which pause holds where. Pure."""

from streams.records.control import Control, Pause, scope


class Pauses:
    """The pauses of one partition's applications, and of the tenants."""

    def __init__(self) -> None:
        self._pauses: dict[str, Pause] = {}

    def take(self, record: Control) -> None:
        """Take in an order: the newest record of a scope counts."""
        if record.pause is None:
            self._pauses.pop(record.scope, None)
        else:
            self._pauses[record.scope] = record.pause

    def of(self, tenant: str, application: str, cluster: str, *, at: float) -> Pause | None:
        """Return the pause that holds for a cluster (by alias): of several the one that holds longest."""
        if not self._pauses:
            return None
        scopes = (scope(tenant), scope(tenant, application), scope(tenant, application, cluster))
        found = [self._pauses[name] for name in scopes if name in self._pauses]
        return max((p for p in found if p.at <= at < p.until), key=lambda pause: pause.until, default=None)

    def forget(self, *, at: float) -> None:
        """Forget what has ended."""
        self._pauses = {name: pause for name, pause in self._pauses.items() if pause.until > at}
