"""The instances that a node agent watches: whose they are, how each is measured and asked, what else it has."""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from streams.agent.beside import Identity
from streams.agent.probe import Probe, parse_probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One instance on this host. Another one, also of the same member, differs from it."""

    who: Identity
    measure: str
    """``pid:ID``, ``cgroup:PATH`` or ``container:ID``."""
    cpus: float | None = None
    """Processors that it may use; ``None``: as the source says."""
    memory_limit: int | None = None
    """Memory that it may use (bytes)."""
    probe: Probe | None = None
    container: str = ""
    """The container of an engine, whose output is followed; empty: it is none."""
    logs: tuple[Path, ...] = ()
    exports: Path | None = None
    """Where it writes what it exports."""
    exported: tuple[str, ...] = ()
    """What it may export (``<alias>-<key>``)."""
    metadata: Path | None = None
    """Where it reads what its application exported."""


Found = Mapping[Identity, Watched]
Find = Callable[[], Found]
"""Return the instances on this host. Raises OSError when that cannot be known now."""


def probe_of(url: str, *, timeout_s: float) -> Probe | None:
    """Read ``http://ADDRESS:PORT/PATH``, ``tcp://ADDRESS:PORT`` or empty (no probe).

    Raises
    ------
    ValueError
        It is none of these. The host must be an address: looking up a name may take any time.
    """
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host, port = "127.0.0.1" if parts.hostname == "localhost" else str(parts.hostname), parts.port
        ipaddress.ip_address(host)
    except ValueError:
        port = None
    plain = url.isascii() and url.isprintable() and " " not in url
    if not port or not plain or parts.scheme not in {"http", "tcp"} or (parts.scheme == "tcp" and parts.path):
        raise ValueError(f"probe '{url[:255]}': must be http://ADDRESS:PORT/PATH, tcp://ADDRESS:PORT or empty")
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    return Probe(host=host, port=port, path=path if parts.scheme == "http" else "", timeout_s=timeout_s)


def probe_at(text: str, *, address: str, timeout_s: float) -> Probe | None:
    """Read a cartridge's probe; one that cannot be is none: its instance is measured all the same."""
    try:
        return parse_probe(text, address=address, timeout_s=timeout_s)
    except ValueError:
        return None
