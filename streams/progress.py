"""The *progress* of a fold, and all of its state in sections: what a checkpoint is made of.

A section that is asked for holds the state of that moment, whatever comes later.
"""

import math
import zlib
from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from streams.cluster import Cluster
from streams.foresight import Foresight, Kept
from streams.ledger import Section
from streams.membership import Membership, Move
from streams.probation import Probation, Scored
from streams.records.instance import Announcement
from streams.roster import known
from streams.rows import Members
from streams.skew import Clocks
from streams.store import Store
from streams.window import BalancerWindow

T = TypeVar("T")

TOGETHER = 4096
"""Members of the clusters in one section, about."""
STATE = "/state"
"""Ends the name of the section that holds the numbers of rows."""


class Progress(msgspec.Struct):
    """The clusters and how far each log counts."""

    at: float = -math.inf
    """The last tick."""
    members_offset: int = 0
    instances_offset: int = 0
    """Records below these offsets are in already."""
    epoch: int = 0
    """The newest claim among the members: records of an older decider do not count."""
    clusters: dict[str, Cluster] = {}
    unplaced: dict[str, dict[str, Move]] = {}
    """Members whose cluster is not announced yet, by cluster: the two logs are read side by side."""


class Kin(msgspec.Struct, array_like=True):
    """What seldom changes of one cluster."""

    instance: Announcement
    membership: Membership
    rows: list[int]
    """Of its members in the store, by name."""


class Course(msgspec.Struct, array_like=True):
    """The rest of it."""

    horizon_s: float
    window_s: float
    reporting_since: float | None
    balancers: dict[str, BalancerWindow]
    clocks: Clocks = {}


def sections(progress: Progress, store: Store, foresight: Foresight, probation: Probation) -> Iterator[Section]:
    """Yield the state in sections. Exhaust it before anything else is fed."""
    encode = msgspec.msgpack.encode
    yield _section("progress", encode(replace(progress, clusters={})))
    courses = {
        name: Course(c.horizon_s, c.window_s, c.reporting_since, c.balancers, c.clocks)
        for name, c in _clusters(progress)
    }
    yield _section("courses", encode(courses))
    for number, kin in enumerate(_families(progress, store)):
        yield _section(f"clusters/{number}", encode(kin))
    for number, kept in enumerate(foresight.dump()):
        yield _section(f"foresight/{number}", encode(replace(kept, state=b"")))
        yield _section(f"foresight/{number}{STATE}", kept.state)
    scored = probation.dump()
    yield _section("probation", encode(replace(scored, state=b"")))
    yield _section(f"probation{STATE}", scored.state)
    yield from store.sections()


def rebuilt(found: Mapping[str, bytes], width: float) -> tuple[Progress, Store, Foresight, Probation]:
    """Return what the sections hold; the store over periods of ``width`` s.

    Raises
    ------
    msgspec.DecodeError
        They are damaged, or one is missing.
    """
    try:
        progress = _read(found["progress"], Progress)
        courses = _read(found["courses"], dict[str, Course])
        foresight, probation = Foresight(), Probation()
        foresight.restore(
            replace(_read(raw, Kept), state=found[name + STATE]) for name, raw in _named(found, "foresight/")
        )
        probation.restore(replace(_read(found["probation"], Scored), state=found[f"probation{STATE}"]))
        rows: dict[str, Members] = {}
        for _, raw in _named(found, "clusters/"):
            for kin in _read(raw, list[Kin]):
                name = kin.instance.cluster
                progress.clusters[name] = _cluster(kin, courses[name])
                rows[name] = Members(zip(sorted(known(kin.membership)), kin.rows, strict=True))
        store = Store.restored(found, rows, width)
    except KeyError as error:
        raise msgspec.DecodeError(f"section {error} is missing") from error
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from error
    return progress, store, foresight, probation


def _section(name: str, raw: bytes) -> Section:
    """Return a section that is written already."""
    return Section(name, lambda: raw)


def _read(raw: bytes, kind: type[T]) -> T:
    return msgspec.msgpack.decode(raw, type=kind)


def _named(found: Mapping[str, bytes], begin: str) -> Iterator[tuple[str, bytes]]:
    """Yield the sections whose names begin so, in order."""
    names = [name for name in found if name.startswith(begin) and not name.endswith(STATE)]
    for name in sorted(names, key=lambda each: int(each.removeprefix(begin))):
        yield name, found[name]


def _clusters(progress: Progress) -> list[tuple[str, Cluster]]:
    """Return the clusters by name."""
    return sorted(progress.clusters.items())


def _families(progress: Progress, store: Store) -> list[list[Kin]]:
    """Return the clusters in parts: which part one is in does not hang on the others, as long as they are as many."""
    members = sum(map(len, store.rows.values()))
    families: list[list[Kin]] = [[] for _ in range(2 ** (members // TOGETHER).bit_length())]
    for name, cluster in _clusters(progress):
        rows, names = store.rows.get(name, Members()), sorted(known(cluster.membership))
        kin = Kin(cluster.instance, cluster.membership, [rows[each] for each in names])
        families[zlib.crc32(name.encode()) % len(families)].append(kin)
    return families


def _cluster(kin: Kin, course: Course) -> Cluster:
    """Return a cluster as it was."""
    return Cluster(
        instance=kin.instance,
        membership=kin.membership,
        balancers=course.balancers,
        horizon_s=course.horizon_s,
        window_s=course.window_s,
        reporting_since=course.reporting_since,
        clocks=course.clocks,
    )
