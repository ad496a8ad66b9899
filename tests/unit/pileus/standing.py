"""An application as instances and members: plain, starting, ending, in two network partitions."""

from collections.abc import Iterable

from pileus.status import Standing, standings
from streams.records.instance import BurstRequest, Instance, InstanceRecord, Level, Phase
from streams.records.member import Member, State

NOW = 1000.0
SHOP = "default/shop/eu-1"
ACTIVE, CREATED, INACTIVE, TERMINATING = Phase.ACTIVE, Phase.CREATED, Phase.INACTIVE, Phase.TERMINATING
DECLARED = {("default", "shop"): 500.0}


def a_place(
    path: str,
    phase: Phase = ACTIVE,
    *,
    at: float = 820.0,
    started: bool = True,
    wanted: int = 0,
    why: str = "",
    restart: bool = False,
    epoch: int = 1,
) -> Instance:
    """Return an instance; its level is read from its path: ``tenant/application/np/group.1/cluster``."""
    tenant, application, network_partition, *inner = path.split("/")
    level = Level.APPLICATION if not inner else Level.GROUP if "." in inner[-1] else Level.CLUSTER
    return Instance(
        instance=path,
        level=level,
        tenant=tenant,
        application=application,
        alias=inner[-1].partition(".")[0] if inner else application,
        parent=path.rpartition("/")[0] if inner else "",
        network_partition=network_partition,
        phase=phase,
        at=at,
        epoch=epoch,
        started=started,
        wanted=wanted,
        why=why,
        restart=restart,
    )


def a_member(
    member: str,
    inside: str = f"{SHOP}/web",
    state: State = State.ACTIVE,
    *,
    at: float = 820.0,
    partition: str = "partition-1",
    reason: str = "",
    on: str = "",
    epoch: int = 1,
) -> Member:
    tenant, application, network_partition, *_ = inside.split("/")
    return Member(
        member=member,
        tenant=tenant,
        application=application,
        cluster=f"{application}-web",
        cartridge="web",
        network_partition=network_partition,
        partition=partition,
        on=on,
        cluster_instance=inside,
        state=state,
        at=at,
        epoch=epoch,
        reason=reason,
    )


def members(count: int, inside: str = f"{SHOP}/web") -> list[Member]:
    """Return members that serve."""
    alias = inside.rpartition("/")[2]
    return [a_member(f"shop-{alias}-{i}", inside) for i in range(1, count + 1)]


def a_burst(to: tuple[str, ...] = ("eu-2",), missing: dict[str, int] | None = None, why: str = "") -> BurstRequest:
    return BurstRequest(
        tenant="default",
        application="shop",
        at=990.0,
        epoch=1,
        to=to,
        missing={"web": 4} if missing is None else missing,
        why=why,
    )


def shop(records: Iterable[InstanceRecord], of: Iterable[Member] = (), *, declared: bool = True) -> Standing:
    (standing,) = standings(records, of, DECLARED if declared else {})
    return standing


PLAIN = ([a_place(SHOP), a_place(f"{SHOP}/web", wanted=3)], members(3))
STARTING = (
    [
        a_place(SHOP, CREATED, at=960.0),
        a_place(f"{SHOP}/db", CREATED, at=960.0, wanted=2),
        a_place(f"{SHOP}/web", at=970.0, wanted=3, why="its minimum"),
        a_place(f"{SHOP}/backend.1", CREATED, at=960.0, started=False, why="waits for cartridge.db"),
        a_place(f"{SHOP}/backend.1/api", CREATED, at=960.0, started=False, wanted=4, why="waits for backend.1"),
    ],
    [
        *members(3),
        a_member("shop-db-1", f"{SHOP}/db"),
        a_member("shop-db-2", f"{SHOP}/db", State.STARTING, at=988.0, reason="its minimum"),
    ],
)
ENDING = (
    [
        a_place(SHOP, TERMINATING, at=980.0, why="its definition is gone"),
        a_place(f"{SHOP}/db", TERMINATING, at=980.0, wanted=2, why="waits for web to end"),
        a_place(f"{SHOP}/web", TERMINATING, at=980.0, wanted=1),
        a_place(f"{SHOP}/api", TERMINATING, at=980.0, wanted=1, why="db is Inactive", restart=True),
        a_place(f"{SHOP}/old", Phase.TERMINATED, wanted=1),
    ],
    [*members(2, f"{SHOP}/db"), a_member("shop-web-9", f"{SHOP}/web", State.DRAINING, at=985.0)],
)
TWO_PLACES = (
    [
        a_place(SHOP, at=100.0),
        a_place(f"{SHOP}/web", at=100.0, wanted=2),
        a_place("default/shop/us-1", CREATED, at=995.0, why="eu-1 is full"),
        a_place("default/shop/us-1/web", CREATED, at=995.0, wanted=1),
    ],
    members(2),
)
