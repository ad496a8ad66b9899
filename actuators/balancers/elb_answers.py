"""What Elastic Load Balancing answers, read. Pure: libcloud hands over the parsed XML."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

NS = "{http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/}"
IN_SERVICE = "InService"
NOT_REGISTERED = "not currently registered"
"""What AWS says of an instance that was taken out and carries nothing any more (or whose time is over)."""


class UnreadableError(ValueError):
    """An answer lacks what it must have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A load balancer."""

    name: str
    host: str
    """Its DNS name."""
    instances: frozenset[str]
    """Registered; one that is there twice counts once."""
    instance_ports: frozenset[int]
    """Ports of the instances that its listeners send requests to."""
    check: str
    """What it asks instances for."""


@dataclass(frozen=True, slots=True)
class Health:
    """One instance as a load balancer has it."""

    state: str
    description: str

    @property
    def serves(self) -> bool:
        """Say whether it is sent requests."""
        return self.state == IN_SERVICE

    @property
    def gone(self) -> bool:
        """Say whether it was taken out and has drained."""
        return not self.serves and NOT_REGISTERED in self.description


def read_balancer(answer: Element) -> Found:
    """Read the load balancer that was asked for."""
    each = next(_all(answer, "LoadBalancerDescriptions"), None)
    if each is None:
        raise UnreadableError("no LoadBalancerDescriptions")
    ports = [each.findtext(f"{NS}Listener/{NS}InstancePort") for each in _all(each, "ListenerDescriptions")]
    return Found(
        name=_text(each, "LoadBalancerName"),
        host=each.findtext(f"{NS}DNSName") or "",
        instances=frozenset(_text(instance, "InstanceId") for instance in _all(each, "Instances")),
        instance_ports=frozenset(int(port) for port in ports if port),
        check=each.findtext(f"{NS}HealthCheck/{NS}Target") or "",
    )


def read_tags(answer: Element) -> dict[str, str]:
    """Read the tags of one load balancer."""
    there = [tag for each in _all(answer, "TagDescriptions") for tag in _all(each, "Tags")]
    return {_text(tag, "Key"): tag.findtext(f"{NS}Value") or "" for tag in there}


def read_draining(answer: Element) -> bool:
    """Read whether connections drain."""
    said = next(answer.iter(f"{NS}ConnectionDraining"), None)
    return said is not None and (said.findtext(f"{NS}Enabled") or "").lower() == "true"


def read_health(answer: Element) -> dict[str, Health]:
    """Read the state of instances, by id. One that has terminated is not among them."""
    return {
        _text(each, "InstanceId"): Health(_text(each, "State"), each.findtext(f"{NS}Description") or "")
        for each in _all(answer, "InstanceStates")
    }


def _all(within: Element, name: str) -> Iterator[Element]:
    """Yield the members of the first list of that name."""
    found = next(within.iter(f"{NS}{name}"), None)
    yield from () if found is None else found.findall(f"{NS}member")


def _text(within: Element, name: str) -> str:
    found = within.findtext(f"{NS}{name}")
    if not found:
        raise UnreadableError(f"no {name}")
    return found
