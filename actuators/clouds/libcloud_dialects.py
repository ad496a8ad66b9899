"""How clouds differ behind libcloud: what a create takes, how all pages are read, where the tags are.

A dialect has no state; it is given the driver of the thread it runs in.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Protocol

from actuators.clouds.libcloud_labels import MEMBER, OWNER
from actuators.clouds.libcloud_request import Request
from actuators.ports import InvalidRequestError

PAGE = 500
"""Instances asked for in one page."""
PAGES = 1_000
"""Most pages that are read: beyond, the list is wrong and nothing is concluded from it."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

Driver = Any
Node = Any
"""libcloud has no types."""


class Dialect(Protocol):
    """One family of clouds."""

    once: bool
    """True when the cloud itself sees to it that one token makes one instance."""

    def nodes(self, driver: Driver, owner: str, member: str = "") -> Iterator[Node]:
        """Yield every instance that may be the owner's, those that ended too where the cloud still knows them."""
        ...

    def tags(self, node: Node) -> Mapping[str, str]:
        """Return an instance's tags."""
        ...

    def create(self, driver: Driver, request: Request) -> Node:
        """Ask for one instance."""
        ...

    def destroy(self, driver: Driver, node: Node) -> None:
        """Ask for an instance's end."""
        ...


class Ec2:
    """EC2, and the clouds that speak its language."""

    once = True

    def nodes(self, driver: Driver, owner: str, member: str = "") -> Iterator[Node]:
        """Yield the owner's instances, page by page: libcloud itself reads the first page alone."""
        filters = {f"tag:{OWNER}": owner} | ({f"tag:{MEMBER}": member} if member else {})
        params = {"Action": "DescribeInstances", "MaxResults": str(PAGE), **driver._build_filters(filters)}  # noqa: SLF001 - its own pages
        for _ in range(PAGES):
            answer = driver.connection.request(driver.path, params=dict(params)).object
            namespace = answer.tag.partition("}")[0].lstrip("{")
            for reservation in answer.findall(f"{{{namespace}}}reservationSet/{{{namespace}}}item"):
                yield from driver._to_nodes(reservation, "instancesSet/item")  # noqa: SLF001 - as above
            following = answer.findtext(f"{{{namespace}}}nextToken")
            if not following:
                return
            params["NextToken"] = following
        raise too_many()

    def tags(self, node: Node) -> Mapping[str, str]:
        """Return an instance's tags."""
        return {key: value or "" for key, value in (node.extra.get("tags") or {}).items()}

    def create(self, driver: Driver, request: Request) -> Node:
        """Ask for one instance; a token that was used names the instance that it made."""
        ids = [each for each in request.groups if each.startswith("sg-")]
        names = [each for each in request.groups if not each.startswith("sg-")]
        if ids and (names or not request.subnet):
            raise InvalidRequestError(
                f"securityGroups of {request.name}: ids need a subnetId, and no names beside them"
            )
        return driver.create_node(
            name=request.name,
            size=SimpleNamespace(id=request.size),
            image=SimpleNamespace(id=request.image),
            location=_ec2_zone(request),
            ex_keyname=request.key or None,
            ex_userdata=request.user_data or None,
            ex_security_groups=names or None,
            ex_security_group_ids=ids or None,
            ex_subnet=SimpleNamespace(id=request.subnet) if request.subnet else None,
            ex_assign_public_ip=request.public,
            ex_iamprofile=request.profile or None,
            ex_metadata=dict(request.labels),
            ex_clienttoken=request.token,
            ex_terminate_on_shutdown=True,
        )

    def destroy(self, driver: Driver, node: Node) -> None:
        """Ask for an instance's end."""
        driver.destroy_node(node)


def _ec2_zone(request: Request) -> Any:
    """Return a zone as libcloud's driver takes it; ``eu-west-1a`` and ``a`` are the same one."""
    if not request.zone:
        return None
    name = request.zone if request.zone.startswith(request.region) else request.region + request.zone
    return SimpleNamespace(availability_zone=SimpleNamespace(name=name, region_name=request.region))


class Metadata:
    """Clouds whose instances carry names and values from their creation on: OpenStack, GCE, Azure and others.

    What a driver's ``create_node`` does not take is refused: an instance that cannot be told to be ours is none.
    """

    once = False

    def nodes(self, driver: Driver, owner: str, member: str = "") -> Iterator[Node]:  # noqa: ARG002 - no filter there
        """Yield every instance: these drivers read all pages themselves, and filter nothing by tag."""
        yield from driver.list_nodes()

    def tags(self, node: Node) -> Mapping[str, str]:
        """Return an instance's tags, from where drivers put them."""
        found = dict[str, str]()
        for name in ("metadata", "tags"):
            given = node.extra.get(name) or {}
            if isinstance(given, dict) and isinstance(given.get("items"), list):  # GCE
                given = {each["key"]: each["value"] for each in given["items"]}
            if isinstance(given, dict):
                found |= {str(key): str(value) for key, value in given.items()}
        return found

    def create(self, driver: Driver, request: Request) -> Node:
        """Ask for one instance with what its driver takes."""
        takes = set(inspect.signature(driver.create_node).parameters)
        images, sizes = driver.list_images, driver.list_sizes
        given: dict[str, Any] = {
            "name": request.name,
            "image": chosen(images, request.image, "imageId"),
            "size": chosen(sizes, request.size, "instanceType"),
        }
        given[_first(takes, ("ex_metadata", "ex_tags"), "tags", request)] = dict(request.labels)
        if request.user_data:
            given[_first(takes, ("ex_userdata", "ex_customdata"), "user data", request)] = request.user_data
        if request.key:
            given[_first(takes, ("ex_keyname",), "keyPair", request)] = request.key
        if request.groups:
            groups = [SimpleNamespace(id=each, name=each) for each in request.groups]
            given[_first(takes, ("ex_security_groups",), "securityGroups", request)] = groups
        if request.networks:
            networks = [SimpleNamespace(id=each, name=each) for each in request.networks]
            given[_first(takes, ("networks", "ex_network"), "networks", request)] = networks
        if request.zone and "ex_availability_zone" in takes:
            given["ex_availability_zone"] = request.zone
        elif request.zone:
            places = driver.list_locations
            given[_first(takes, ("location",), "zone", request)] = chosen(places, request.zone, "zone")
        return driver.create_node(**given)

    def destroy(self, driver: Driver, node: Node) -> None:
        """Ask for an instance's end."""
        driver.destroy_node(node)


def chosen(listed: Callable[[], list[Any]], wanted: str, what: str) -> Any:
    """Return the one of a list that has this id, or this name. A UUID needs no list: the cloud knows it or refuses.

    Raises
    ------
    InvalidRequestError
        There is none.
    """
    if _UUID.fullmatch(wanted):
        return SimpleNamespace(id=wanted, name=wanted)
    there = listed()
    for each in there:
        if str(each.id) == wanted:
            return each
    for each in there:
        if each.name == wanted:
            return each
    names = ", ".join(sorted(str(each.name) for each in there)[:10])
    raise InvalidRequestError(f"{what} = {wanted!r}: the cloud has none of that id or name, but {names}")


def _first(takes: set[str], names: tuple[str, ...], what: str, request: Request) -> str:
    """Return the first of ``names`` that the driver takes."""
    for name in names:
        if name in takes:
            return name
    raise InvalidRequestError(f"member {request.name}: this driver takes no {what} ({' or '.join(names)})")


def too_many() -> Exception:
    """Return the error of a list without an end."""
    return OSError(f"a list of more than {PAGES} pages of {PAGE} instances")
