"""One listener for all clusters of a balancer: the host name and the path of a request say which is meant."""

from collections.abc import Collection
from dataclasses import dataclass

from actuators.balancers.checked import require_listener, require_name
from config.routing import Route

NAME = "_front"
"""What it is called in a balancer's configuration; no cluster is called so."""
NOWHERE = "_nowhere"
SESSION = "PILEUS_SESSION"
"""The cookie by which a client stays with its member."""
UNKNOWN = "no cluster has this host name and path"
"""What a request is told that no route fits, with status 404."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Where it listens, and which requests are whose: the first route that fits counts."""

    listen: str
    """``IPv4:PORT``."""
    routes: tuple[Route, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be written into a configuration."""
        require_listener(self.listen)
        for route in self.routes:
            require_name(route.cluster)

    def of(self, clusters: Collection[str]) -> "Front":
        """Return it with the routes to some clusters alone."""
        return Front(listen=self.listen, routes=tuple(each for each in self.routes if each.cluster in clusters))
