"""Applications as the decider writes them down: one of five levels that starts, and some others."""

from collections.abc import Iterator

from config.tree import ApplicationSpec, GroupSpec
from streams.records.action import Outcome, Result
from streams.records.instance import Announcement, BurstRequest, Deployed, Instance, Level, Phase
from streams.records.member import Member, State
from streams.records.record import Record

ROOT = "default/erp/eu"


def a_part(
    path: str = "",
    *,
    root: str = ROOT,
    phase: Phase = Phase.ACTIVE,
    at: float = 700.0,
    started: bool = True,
    wanted: int = 0,
    why: str = "",
    epoch: int = 7,
) -> Instance:
    """Return the instance at a path below its application's: a group when its last name ends in a number."""
    tenant, application, network_partition = root.split("/")
    above, _, last = path.rpartition("/")
    alias, _, number = last.rpartition(".")
    is_group = number.isdigit()
    return Instance(
        instance=f"{root}/{path}" if path else root,
        level=Level.APPLICATION if not path else Level.GROUP if is_group else Level.CLUSTER,
        tenant=tenant,
        application=application,
        alias=application if not path else alias if is_group else last,
        parent="" if not path else f"{root}/{above}" if above else root,
        network_partition=network_partition,
        phase=phase,
        at=at,
        epoch=epoch,
        since={"Created": 600.0, phase.value: at},
        started=started,
        wanted=wanted,
        why=why,
    )


def a_waiting(path: str, *before: str, wanted: int = 0) -> Instance:
    """Return an instance that waits for others."""
    said = f"waits for {', '.join(before)}"
    return a_part(path, phase=Phase.CREATED, at=600.0, started=False, wanted=wanted, why=said)


def a_starting(path: str = "", *, wanted: int = 0, why: str = "", at: float = 600.0) -> Instance:
    """Return an instance that starts."""
    return a_part(path, phase=Phase.CREATED, at=at, wanted=wanted, why=why)


def a_cluster(alias: str, *, application: str = "erp", tenant: str = "default", state: str = "Created") -> Announcement:
    """Return the record of a cluster that exists."""
    return Announcement(
        tenant=tenant,
        application=application,
        cluster=f"{application}-{alias}",
        alias=alias,
        cartridge=alias,
        network_partition="eu",
        at=600.0,
        state=state,
    )


def a_member_of(
    path: str,
    number: int,
    *,
    state: State = State.ACTIVE,
    at: float = 700.0,
    reason: str = "",
    root: str = ROOT,
) -> Member:
    """Return a member of a cluster instance."""
    tenant, application, network_partition = root.split("/")
    alias = path.rpartition("/")[2]
    return Member(
        member=f"{application}-{alias}-{number}",
        tenant=tenant,
        application=application,
        cluster=f"{application}-{alias}",
        cartridge=alias,
        network_partition=network_partition,
        partition="rack-1",
        cluster_instance=f"{root}/{path}",
        state=state,
        at=at,
        epoch=7,
        since={state.value: at},
        reason=reason,
    )


def a_failure(member: Member, *, at: float = 900.0, reason: str = "rack-1: no room for another member") -> Outcome:
    """Return a launch that failed."""
    return Outcome(
        action=f"{member.member}/launch",
        result=Result.OUT_OF_CAPACITY,
        tenant=member.tenant,
        application=member.application,
        cluster=member.cluster,
        member=member.member,
        at=at,
        reason=reason,
    )


def a_burst(*to: str, missing: int = 1, why: str = "", epoch: int = 7, at: float = 910.0) -> BurstRequest:
    """Return a request of the application for more room; withdrawn when nothing is missing."""
    return BurstRequest(
        tenant="default",
        application="erp",
        at=at,
        epoch=epoch,
        to=to,
        missing={"mysql": missing} if missing else {},
        why=why,
    )


def a_deployed(application: str = "erp", *, gone: bool = False, epoch: int = 7, at: float = 600.0) -> Deployed:
    """Return the record of an application that is deployed, or is no more."""
    root = GroupSpec(alias=application, name="", children=(GroupSpec(alias="platform", name="platform", children=()),))
    spec = ApplicationSpec(tenant="default", application=application, root=root, network_partitions=("eu", "us"))
    return Deployed(tenant="default", application=application, at=at, epoch=epoch, spec=None if gone else spec)


STORAGE = "platform.1/services.1/storage.1"
DB = f"{STORAGE}/db.1"
STUCK = a_member_of(f"{DB}/mysql", 3, state=State.CREATED, at=880.0, reason="launch failed, tried again in 30 s")


def five_levels() -> Iterator[Record]:
    """Tell of an application of five levels of groups that starts: mysql has 1 of 3 members, the rest waits for it."""
    yield a_deployed()
    yield a_starting(why="2 of 3 parts are not Active")
    yield a_part("monitor", wanted=2)
    yield a_starting("platform.1", why="services.1 and web are not Active")
    yield a_waiting("lb", "platform", wanted=1)
    yield a_waiting("platform.1/web", "services", wanted=4)
    yield a_starting("platform.1/services.1", why="storage.1 and esb are not Active")
    yield a_part("platform.1/services.1/cache", wanted=1)
    yield a_waiting("platform.1/services.1/esb", "storage", wanted=2)
    yield a_starting(STORAGE, why="db.1 and php are not Active")
    yield a_waiting(f"{STORAGE}/php", "db", wanted=2)
    yield a_starting(DB, why="mysql and replica are not Active")
    yield a_starting(f"{DB}/mysql", wanted=3, why="1 of 3 members serve")
    yield a_waiting(f"{DB}/replica", "mysql", wanted=1)
    yield from (a_cluster(alias) for alias in ("monitor", "lb", "web", "cache", "esb", "php", "mysql", "replica"))
    yield from (a_member_of("monitor", number) for number in (1, 2))
    yield a_member_of("platform.1/services.1/cache", 1)
    yield a_member_of(f"{DB}/mysql", 1)
    yield a_member_of(f"{DB}/mysql", 2, state=State.STARTING, at=870.0)
    yield STUCK
    yield a_failure(STUCK)
