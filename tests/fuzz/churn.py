"""Members that come and go: what a fold holds is bounded by those that live, and those that left within the window."""

from streams.fold import Fold
from streams.records.member import State
from tests.builders import a_health, a_member, health_columns
from tests.folding import a_fold, feed, tick


def size_of(world: Fold) -> dict[str, int]:
    """Count what a fold holds: by that its memory is bounded."""
    store, progress = world.store, world.progress
    return {
        "clusters": len(progress.clusters),
        "members": sum(len(rows) for rows in store.rows.values()),
        "rows": store.capacity,
        "samples": sum(bucket.row.size for bucket in store.buckets.values()),
        "spans": sum(len(c.membership.served) for c in progress.clusters.values()),
        "alive": sum(len(c.membership.alive) for c in progress.clusters.values()),
        "balancers": sum(len(c.balancers) for c in progress.clusters.values()),
        "clocks": sum(len(c.clocks) for c in progress.clusters.values()),
        "unplaced": sum(map(len, progress.unplaced.values())),
        "weeks": len(world._past._weeks),
        "foreseen": sum(len(batch.names) for batch in world._foresight._batches.values()),
        "scored": len(world._probation._names),
        "waiting": len(world._members) + len(world._instances),
    }


def churned(live: int, gone: int) -> tuple[dict[str, int], dict[str, int]]:
    """Let ``gone`` members pass through a cluster of ``live``, all of them anew at each tick.

    Return its sizes once the window and a slot of the history are over, and at the end.
    """
    world, offset, at, sizes = a_fold(), 0, 1000.0, []
    for first in range(0, gone, live):
        for i in range(first, first + live):
            if i >= live:
                world.member(offset, a_member(f"shop-web-{i - live}", state=State.TERMINATED, at=at))
            world.member(offset + 1, a_member(f"shop-web-{i}", at=at))
            offset += 2
        at += 5.0
        feed(world, health_columns(*(a_health(f"shop-web-{i}", at=at - 1.0) for i in range(first, first + live))))
        tick(world, at)
        sizes.append(size_of(world))
    return sizes[70], sizes[-1]
