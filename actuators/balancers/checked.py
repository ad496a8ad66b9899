"""What a balancer's configuration and commands may hold: names and addresses that cannot be anything else."""

import ipaddress
import re
from collections.abc import Collection

from actuators.ports import Target

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
"""A member, or a cluster: what ``streams`` makes, and nothing that a configuration gives a meaning to."""
MAX_PORT = 65535


def address_of(target: Target) -> str:
    """Return ``HOST:PORT``, an IPv6 host in brackets."""
    return f"[{target.host}]:{target.port}" if ":" in target.host else f"{target.host}:{target.port}"


def fault_of(target: Target) -> str:
    """Say why a target cannot be written into a configuration; empty when it can."""
    if not NAME.fullmatch(target.member):
        return f"{target.member!r} is no name of a member: letters, digits and '-', at most 63"
    if not _is_address(target.host):
        return f"{target.member}: host {target.host!r} is no IP address"
    if not 0 < target.port <= MAX_PORT:
        return f"{target.member}: port {target.port} is not within 1..{MAX_PORT}"
    return ""


def _is_address(host: str) -> bool:
    """Say whether it is an IP address in its one usual form. A scope may hold any text, so none is accepted."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped is not None or address.scope_id)
    return str(address) == host and not mapped


def require_name(cluster: str) -> str:
    """Return the name of a cluster, or raise ValueError when it cannot be written into a configuration."""
    if not NAME.fullmatch(cluster):
        raise ValueError(f"{cluster!r} is no name of a cluster: letters, digits and '-', at most 63")
    return cluster


def require_listener(address: str) -> str:
    """Return ``IPv4:PORT`` that is to be listened on, or raise ValueError."""
    host, _, port = address.rpartition(":")
    try:
        well = str(ipaddress.IPv4Address(host)) == host and 0 < int(port) <= MAX_PORT and port.isascii()
    except ValueError:
        well = False
    if not well:
        raise ValueError(f"{address!r}: must be an IPv4 address and a port")
    return address


def sort_out(targets: Collection[Target]) -> tuple[dict[str, Target], list[str]]:
    """Return the targets that can be routed, by member, and why the others cannot."""
    good: dict[str, Target] = {}
    at: dict[str, str] = {}
    refused: list[str] = []
    for target in sorted(targets, key=lambda target: target.member):
        address = address_of(target)
        if fault := fault_of(target):
            refused.append(fault)
        elif target.member in good:
            refused.append(f"{target.member} is at {address} and at {address_of(good[target.member])}")
        elif address in at:
            refused.append(f"{target.member} at {address} is where {at[address]} is")
        else:
            good[target.member], at[address] = target, target.member
    return good, refused
