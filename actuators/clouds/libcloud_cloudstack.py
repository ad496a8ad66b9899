"""CloudStack behind libcloud: what its driver leaves out.

Tags come after a create, so what tells that a machine is ours stands in its display name, which comes with it. Lists
are cut at the server's page size without a word, and a state that the driver does not know would lose the whole list.
"""

from collections.abc import Iterator, Mapping

from actuators.clouds.libcloud_dialects import PAGES, Driver, Node, chosen, too_many
from actuators.clouds.libcloud_labels import MEMBER, OWNER, PREFIX
from actuators.clouds.libcloud_request import Request
from actuators.ports import InvalidRequestError

PAGE = 500
LONGEST = 255
"""Of a display name (characters)."""
_REST = ("network-partition", "partition", "port")
ORDER = (OWNER, f"{PREFIX}tenant", f"{PREFIX}application", f"{PREFIX}cluster", MEMBER, *(PREFIX + n for n in _REST))
"""How the tags stand in a display name; none of them can hold a colon."""


class CloudStack:
    """CloudStack, and the clouds built on it."""

    once = False

    def nodes(self, driver: Driver, owner: str, member: str = "") -> Iterator[Node]:
        """Yield the machines whose display name is the owner's, page by page."""
        asked = {"pagesize": PAGE, "listall": "true"} | ({"name": member} if member else {})
        for page in range(1, PAGES + 1):
            answer = driver.connection._sync_request(  # noqa: SLF001 - its own pages
                "listVirtualMachines", params={**asked, "page": page}
            )
            machines = answer.get("virtualmachine", [])
            for machine in machines:
                if str(machine.get("displayname", "")).startswith(f"{PREFIX}{owner}:"):
                    yield _node(driver, machine)
            if len(machines) < PAGE:
                return
        raise too_many()

    def tags(self, node: Node) -> Mapping[str, str]:
        """Return what a machine's display name says."""
        prefix, *words = str(node.extra.get("displayname", "")).split(":")
        ours = f"{prefix}:" == PREFIX and len(words) == len(ORDER)
        return dict(zip(ORDER, words, strict=True)) if ours else {}

    def create(self, driver: Driver, request: Request) -> Node:
        """Ask for one machine, started, and wait for the job as long as a call may take."""
        name = PREFIX + ":".join(request.labels[tag] for tag in ORDER)
        if len(name) > LONGEST:
            raise InvalidRequestError(f"member {request.name}: display name {name!r}: must be at most {LONGEST} long")
        networks = [chosen(driver.ex_list_networks, each, "networks") for each in request.networks]
        node = driver.create_node(
            name=request.name,
            size=chosen(driver.list_sizes, request.size, "instanceType"),
            image=chosen(driver.list_images, request.image, "imageId"),
            location=chosen(driver.list_locations, request.zone, "zone") if request.zone else None,
            networks=networks or None,
            ex_keyname=request.key or None,
            ex_userdata=request.user_data or None,
            ex_security_groups=list(request.groups) or None,
            ex_displayname=name,
            ex_start_vm=True,
        )
        node.extra["displayname"] = name
        return node

    def destroy(self, driver: Driver, node: Node) -> None:
        """Ask for a machine's end. It stays to be seen, as destroyed, until the cloud expunges it."""
        driver.destroy_node(node)


def _node(driver: Driver, machine: Mapping[str, object]) -> Node:
    """Return a machine as libcloud has it, with what it leaves out."""
    said = str(machine["state"])
    known = {**machine, "state": said if said in driver.NODE_STATE_MAP else "Stopped"}
    node = driver._to_node(data=known)  # noqa: SLF001 - its own pages
    node.extra |= {"status": said.lower(), "displayname": machine.get("displayname", "")}
    return node
