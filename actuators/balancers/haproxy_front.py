"""HAProxy's configuration of a front. Pure."""

from actuators.balancers.front import NAME, NOWHERE, SESSION, UNKNOWN, Front
from config.routing import Route

STICKY = f"""\
    http-request set-var(txn.new) bool(true) unless {{ req.cook({SESSION}) -m found }}
    http-request set-var(txn.session) req.cook({SESSION})
    http-request set-var(txn.session) uuid() if {{ var(txn.new) -m bool }}
    http-response add-header Set-Cookie "{SESSION}=%[var(txn.session)]; Path=/; HttpOnly" if {{ var(txn.new) -m bool }}
    balance hash var(txn.session)
    hash-type consistent
"""
"""Of a backend whose clients stay. The session is hashed, and not the member's name kept in the cookie: HAProxy sends
requests with such a cookie to a member that drains. Members' ids are made of their names, so every balancer of a
cluster, and every process of it, has the same member for a session."""


def front_text(front: Front) -> str:
    """Return the part of the configuration that routes."""
    rules = "".join(f"    use_backend {route.cluster} if {condition(route)}\n" for route in front.routes)
    return f"""
frontend {NAME}
    bind {front.listen}
    http-request disable-l7-retry unless METH_GET
{rules}    default_backend {NOWHERE}

backend {NOWHERE}
    http-request return status 404 content-type text/plain string "{UNKNOWN}"
"""


def condition(route: Route) -> str:
    """Return when a route fits: host name without port, in small letters, and the path itself or what is below it."""
    name = "hdr(host),host_only,lower"
    if route.host == "*":
        host = "TRUE"
    elif route.host.startswith("*."):
        host = f"{{ {name} -m end {route.host[1:]} }}"
    else:
        host = f"{{ {name} -m str {route.host} }}"
    if not route.path:
        return host
    return f"{host} {{ path {route.path} }} || {host} {{ path_beg {route.path}/ }}"
