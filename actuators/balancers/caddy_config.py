"""Caddy's configuration, written once: a server per cluster, and beside it the server that its health checks ask.

Caddy loses requests when its upstreams are changed, so they never are: every port that a member may
ever have is declared, and a member counts as healthy while a file of its name stands in ``routed/CLUSTER``.
Two clusters may share ports: a port is one member's at a time, and the folder says whose.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from actuators.balancers.caddy_front import front_routes, selection
from actuators.balancers.front import NAME, Front

CHECK = "check:"
"""The check server of cluster ``c`` is called ``check:c``: Caddy counts requests per server."""
CHECK_INTERVAL = "250ms"
"""How often each declared port is checked: how soon a member enters, and half of how soon it is surely out."""
CHECK_TIMEOUT = "1s"
DIAL_TIMEOUT = "1s"
HOLD = "5s"
"""How long a request waits for a member that can be reached; then it is answered with 503."""
RETRY_EVERY = "50ms"
AVOID = "2s"
"""How long a member is avoided after a connection to it failed."""
GRACE = "5s"
"""How long open requests may take when Caddy ends."""
IDLE = "20s"
ADDRESS = r"^[0-9A-Za-z.-]+:[0-9]+$"
"""What a check may ask for: a name of a file, never a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontend:
    """Where one cluster is served, and where its members may be."""

    listen: str
    """``HOST:PORT`` that clients ask."""
    check: str
    """``HOST:PORT`` of the cluster's check server: Caddy alone asks it."""
    ports: Collection[int]
    """Every port that a member may have. Each costs four checks per second."""
    host: str = "127.0.0.1"
    """The host of all members."""
    sticky: bool = False
    """Clients stay with their members."""

    def addresses(self) -> list[str]:
        """Return every address that a member may have, as ``HOST:PORT``."""
        return [f"{self.host}:{port}" for port in sorted(self.ports)]


def caddy_config(
    clusters: Mapping[str, Frontend], *, admin: str, root: str, front: Front | None = None
) -> dict[str, Any]:
    """Return Caddy's JSON configuration.

    ``admin`` is the ``HOST:PORT`` of its admin API, ``root`` the directory that has a folder for each cluster,
    whose files say who is routed. ``front`` is a listener for all clusters: it hands requests to the clusters' own.

    Raises
    ------
    ValueError
        Two servers share an address, or a cluster has no port.
    """
    if bare := [cluster for cluster, frontend in clusters.items() if not frontend.ports]:
        raise ValueError(f"{bare[0]}: ports: none is declared")
    listeners = [admin] + [address for f in clusters.values() for address in (f.listen, f.check)]
    _require_distinct([*listeners, front.listen] if front else listeners)
    servers: dict[str, Any] = {}
    for cluster, frontend in sorted(clusters.items()):
        servers[cluster] = _server(frontend.listen, [{"handle": [_proxy(frontend)]}])
        servers[CHECK + cluster] = _server(frontend.check, _answers(f"{root}/{cluster}"))
    if front is not None:
        listens = {cluster: frontend.listen for cluster, frontend in clusters.items()}
        servers[NAME] = _server(front.listen, front_routes(front, listens))
    return {
        "admin": {"listen": admin, "config": {"persist": False}},
        "logging": {
            "logs": {"default": {"level": "ERROR", "writer": {"output": "stderr"}, "encoder": {"format": "json"}}}
        },
        "apps": {"http": {"grace_period": GRACE, "metrics": {}, "servers": servers}},
    }


def frontends(config: Mapping[str, Any]) -> dict[str, Frontend]:
    """Return what :func:`caddy_config` was given: the clusters that a configuration serves.

    Raises
    ------
    ValueError
        It is not a configuration of that shape.
    """
    try:
        servers = config["apps"]["http"]["servers"]
        return {name: _frontend(name, servers) for name in servers if not name.startswith((CHECK, NAME))}
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"not a Caddy configuration of Pileus: {error!r}") from error


def _frontend(cluster: str, servers: Mapping[str, Any]) -> Frontend:
    """Read one cluster back."""
    upstreams = servers[cluster]["routes"][0]["handle"][0]["upstreams"]
    addresses = [upstream["dial"].rpartition(":") for upstream in upstreams]
    return Frontend(
        listen=servers[cluster]["listen"][0],
        check=servers[CHECK + cluster]["listen"][0],
        ports=tuple(int(port) for _, _, port in addresses),
        host=addresses[0][0],
    )


def _server(listen: str, routes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a plain HTTP/1 server."""
    return {"listen": [listen], "protocols": ["h1"], "automatic_https": {"disable": True}, "routes": routes}


def _proxy(frontend: Frontend) -> dict[str, Any]:
    """Return the handler that spreads a cluster's requests."""
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": address} for address in frontend.addresses()],
        "transport": {
            "protocol": "http",
            "dial_timeout": DIAL_TIMEOUT,
            "compression": False,
            "keep_alive": {"enabled": True, "idle_timeout": IDLE, "max_idle_conns_per_host": 256},
        },
        "load_balancing": {
            "selection_policy": selection(sticky=frontend.sticky),
            "try_duration": HOLD,
            "try_interval": RETRY_EVERY,
        },
        "health_checks": {
            "active": {
                "upstream": frontend.check,
                "uri": "/",
                "headers": {"X-Member": ["{http.reverse_proxy.active.target_upstream}"]},
                "interval": CHECK_INTERVAL,
                "timeout": CHECK_TIMEOUT,
                "passes": 1,
                "fails": 1,
                "expect_status": 200,
            },
            "passive": {"fail_duration": AVOID, "max_fails": 1},
        },
        "flush_interval": -1,
    }


def _answers(root: str) -> list[dict[str, Any]]:
    """Return the routes of a check server: 200 when the member's file stands in ``root``, else 404."""
    routed = {
        "header_regexp": {"X-Member": {"pattern": ADDRESS}},
        "file": {"root": root, "try_files": ["/{http.request.header.X-Member}"], "try_policy": "first_exist"},
    }
    return [
        {"match": [routed], "handle": [{"handler": "static_response", "status_code": 200}], "terminal": True},
        {"handle": [{"handler": "static_response", "status_code": 404}]},
    ]


def _require_distinct(addresses: list[str]) -> None:
    """Raise ValueError when an address comes twice."""
    if twice := sorted({address for address in addresses if addresses.count(address) > 1}):
        raise ValueError(f"listen: {twice[0]} is declared twice")
