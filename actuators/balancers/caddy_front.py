"""Caddy's configuration of a front. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from actuators.balancers.front import SESSION, UNKNOWN, Front
from config.routing import Route

Routes = list[dict[str, Any]]


def front_routes(front: Front, listens: Mapping[str, str]) -> Routes:
    """Return the routes of a front. Each cluster is asked where it ``listens``, so that its requests stay its own."""
    return [_route(each, listens[each.cluster]) for each in front.routes if each.cluster in listens] + [
        {"handle": [{"handler": "static_response", "status_code": 404, "body": UNKNOWN}]}
    ]


def selection(*, sticky: bool) -> dict[str, Any]:
    """Return how a member is chosen. The cookie is of the member's address; one that is out is not chosen by it."""
    if not sticky:
        return {"policy": "least_conn"}
    return {"policy": "cookie", "name": SESSION, "fallback": {"policy": "least_conn"}}


def _route(route: Route, listen: str) -> dict[str, Any]:
    """Return one route. Caddy's own words for names and paths mean one label by ``*`` and ignore capitals in paths."""
    match: dict[str, Any] = {}
    if route.host != "*":
        ending = route.host.startswith("*.")
        name = f"[^:]+{re.escape(route.host[1:])}" if ending else re.escape(route.host)
        match["header_regexp"] = {"Host": {"pattern": f"(?i)^{name}(:[0-9]+)?$"}}
    if route.path:
        match["path_regexp"] = {"pattern": f"^{re.escape(route.path)}(/|$)"}
    proxy = {"handler": "reverse_proxy", "upstreams": [{"dial": listen}], "flush_interval": -1}
    return {**({"match": [match]} if match else {}), "handle": [proxy], "terminal": True}
