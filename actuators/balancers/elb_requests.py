"""What is asked of Elastic Load Balancing (API 2012-06-01): the parameters of its calls. Pure."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from config.accounts import LoadBalancing

LONGEST_NAME = 32
"""Characters of a load balancer's name."""
MAX_DRAINING_S = 3600
"""Longest that AWS lets requests end after their instance was taken out (s)."""
CHECK = {"Interval": "5", "Timeout": "2", "HealthyThreshold": "2", "UnhealthyThreshold": "2"}
"""How ELB itself looks at an instance; it serves after about 10 s."""
_PROTOCOLS = {"http": "HTTP", "https": "TCP", "tcp": "TCP"}
"""Of a port mapping. HTTPS goes through as it is: the members hold the certificate."""

Params = dict[str, str]
Change = Callable[[str, Iterable[str]], Params]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A port of a load balancer, and the port of the instances behind it."""

    protocol: str
    """``HTTP`` or ``TCP``."""
    port: int
    instance_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """How one cluster is served. Without listeners its load balancer can be used, and not be made."""

    listeners: tuple[Listener, ...] = ()
    health: str = ""
    """Path that ELB asks an instance for; empty: it connects."""
    draining_s: float = 300.0
    """How long requests may take to end once their instance was taken out (s)."""


def listener(protocol: str, port: int, instance_port: int) -> Listener:
    """Return the listener of a port mapping.

    Raises
    ------
    ValueError
        A classic load balancer does not speak the protocol.
    """
    spoken = _PROTOCOLS.get(protocol.lower())
    if spoken is None:
        raise ValueError(f"protocol {protocol!r} of port {instance_port}: must be one of {', '.join(_PROTOCOLS)}")
    return Listener(protocol=spoken, port=port, instance_port=instance_port)


def name_of(owner: str, cluster: str) -> str:
    """Return the name of a cluster's load balancer: its own, also when what it is made of is too long."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{owner}-{cluster}").strip("-")
    if plain == f"{owner}-{cluster}" and len(plain) <= LONGEST_NAME:
        return plain
    digest = hashlib.sha256(f"{owner}/{cluster}".encode()).hexdigest()[:8]
    return f"{plain[: LONGEST_NAME - 9].rstrip('-')}-{digest}"


def describe(name: str) -> Params:
    """Ask for one load balancer by its name: there is one page."""
    return {"Action": "DescribeLoadBalancers", "LoadBalancerNames.member.1": name}


def tags(name: str) -> Params:
    """Ask for its tags."""
    return {"Action": "DescribeTags", "LoadBalancerNames.member.1": name}


def attributes(name: str) -> Params:
    """Ask whether connections drain."""
    return {"Action": "DescribeLoadBalancerAttributes", "LoadBalancerName": name}


def health(name: str, instances: Iterable[str] = ()) -> Params:
    """Ask for the state of instances, those that are registered when none is named."""
    return {"Action": "DescribeInstanceHealth", "LoadBalancerName": name} | _instances(instances)


def create(name: str, front: Front, where: LoadBalancing, marks: Mapping[str, str]) -> Params:
    """Make a load balancer, its tags (``marks``) with it: there is no moment in which it is nobody's."""
    params = {"Action": "CreateLoadBalancer", "LoadBalancerName": name}
    for i, each in enumerate(front.listeners, 1):
        params |= {
            f"Listeners.member.{i}.Protocol": each.protocol,
            f"Listeners.member.{i}.LoadBalancerPort": str(each.port),
            f"Listeners.member.{i}.InstanceProtocol": each.protocol,
            f"Listeners.member.{i}.InstancePort": str(each.instance_port),
        }
    params |= _members("AvailabilityZones", where.zones) | _members("Subnets", where.subnets)
    params |= _members("SecurityGroups", where.security_groups)
    params |= {"Scheme": "internal"} if where.scheme == "internal" else {}
    for i, (key, value) in enumerate(sorted(marks.items()), 1):
        params |= {f"Tags.member.{i}.Key": key, f"Tags.member.{i}.Value": value}
    return params


def drain(name: str, seconds: float) -> Params:
    """Let requests end when their instance is taken out."""
    at = "LoadBalancerAttributes.ConnectionDraining"
    timeout = str(min(MAX_DRAINING_S, max(1, round(seconds))))
    return {
        "Action": "ModifyLoadBalancerAttributes",
        "LoadBalancerName": name,
        f"{at}.Enabled": "true",
        f"{at}.Timeout": timeout,
    }


def check_target(front: Front) -> str:
    """Return what ELB asks an instance for, in its words."""
    port = front.listeners[0].instance_port
    return f"HTTP:{port}{front.health}" if front.health else f"TCP:{port}"


def check(name: str, front: Front) -> Params:
    """Say how ELB looks at an instance."""
    target = {"HealthCheck.Target": check_target(front)}
    how = {f"HealthCheck.{key}": value for key, value in CHECK.items()}
    return {"Action": "ConfigureHealthCheck", "LoadBalancerName": name} | target | how


def register(name: str, instances: Iterable[str]) -> Params:
    """Send requests to instances."""
    return {"Action": "RegisterInstancesWithLoadBalancer", "LoadBalancerName": name} | _instances(instances)


def deregister(name: str, instances: Iterable[str]) -> Params:
    """Send no new request to instances."""
    return {"Action": "DeregisterInstancesFromLoadBalancer", "LoadBalancerName": name} | _instances(instances)


def _instances(instances: Iterable[str]) -> Params:
    return {f"Instances.member.{i}.InstanceId": each for i, each in enumerate(instances, 1)}


def _members(of: str, values: Iterable[str]) -> Params:
    return {f"{of}.member.{i}": each for i, each in enumerate(values, 1)}
