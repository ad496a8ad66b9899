"""What Caddy counts, read out of its admin API's answers."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache

from actuators.balancers.caddy_config import CHECK

LINE = re.compile(r'\ncaddy_http_requests_(total|in_flight)\{handler="([^"]*)",server="([^"]*)"\} (\S+)')
STARTED = re.compile(r"\nprocess_start_time_seconds (\S+)")
"""Both begin with a literal, which is searched for ten times as fast as a ``^``: this runs ten times a second."""
PROXY = "reverse_proxy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one cluster's two servers have seen."""

    started: float
    """When this Caddy started (s since the Unix epoch): its identity, since a restart counts anew."""
    requests: int
    """Requests ended, however they ended."""
    in_flight: int
    """Requests open, those that wait for a member included."""
    checks: int
    """Health checks ended, over all declared ports."""
    checking: int
    """Health checks under way."""


def read_counts(metrics: str, cluster: str) -> Counts:
    """Read one cluster out of ``GET /metrics``. A server that nobody asked yet is not in it: that is a true zero.

    Raises
    ------
    ValueError
        These are no metrics of Caddy.
    """
    started = STARTED.search(metrics)
    if started is None:
        raise ValueError("metrics without process_start_time_seconds")
    seen = {
        (cluster, "total"): 0,
        (cluster, "in_flight"): 0,
        (CHECK + cluster, "total"): 0,
        (CHECK + cluster, "in_flight"): 0,
    }
    for kind, handler, server, value in _lines(metrics):
        if (server, kind) in seen and (handler == PROXY or server != cluster):
            seen[server, kind] += int(float(value))
    return Counts(
        started=float(started[1]),
        requests=seen[cluster, "total"],
        in_flight=seen[cluster, "in_flight"],
        checks=seen[CHECK + cluster, "total"],
        checking=seen[CHECK + cluster, "in_flight"],
    )


@lru_cache(maxsize=1)
def _lines(metrics: str) -> list[tuple[str, str, str, str]]:
    """Return what the metrics say of every server: one answer is read for each cluster."""
    return LINE.findall(metrics)


@lru_cache(maxsize=1)
def read_upstreams(body: str) -> dict[str, int]:
    """Read ``GET /reverse_proxy/upstreams``: requests open on each address.

    Raises
    ------
    ValueError
        This is no answer of Caddy.
    """
    try:
        return {upstream["address"]: int(upstream["num_requests"]) for upstream in json.loads(body)}
    except (KeyError, TypeError) as error:
        raise ValueError(f"upstreams without {error}") from error
