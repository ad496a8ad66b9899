"""What a worker begins with: its checkpoint, or nothing when that cannot be used."""

from functools import cache

import pytest

from streams.checkpoints import Found
from streams.cluster import Rules
from streams.fold import Fold
from streams.worker import _restored
from tests.builders import a_health, a_member, a_tick, an_instance, raw

SECTIONS = (
    "progress",
    "courses",
    "clusters/0",
    "foresight/0",
    "foresight/0/state",
    "probation",
    "states",
    "bucket/298",
)


@cache
def a_state() -> dict[str, bytes]:
    """Return the state of a fold that knows one cluster."""
    fold = Fold(0, Rules())
    fold.instance(0, an_instance())
    fold.member(0, a_member())
    for i in range(100):
        fold.message(raw(a_health(at=995.0 + 5.0 * i)))
        fold.message(raw(a_tick(1000.0 + 5.0 * i)))
    return {each.name: each.write() for each in fold.sections()}


@pytest.mark.parametrize(
    ("sections", "clusters", "offset"),
    [
        pytest.param(a_state(), ["shop-web"], 9, id="a checkpoint"),
        *(
            pytest.param(a_state() | {name: damaged}, [], 0, id=f"{name}, {how}")
            for name in SECTIONS
            for how, damaged in (("damaged", b"\xc1 damaged"), ("cut off", a_state()[name][:-1]))
        ),
        *(
            pytest.param({n: raw for n, raw in a_state().items() if n != name}, [], 0, id=f"without {name}")
            for name in SECTIONS
            if name not in {"clusters/0", "foresight/0", "bucket/298"}
        ),
        pytest.param(None, [], 0, id="none"),
    ],
)
def test_a_fold_begins_with_what_can_be_used_or_with_nothing_at_the_beginning(
    sections: dict[str, bytes] | None, clusters: list[str], offset: int
) -> None:
    fold, begin = _restored(0, Rules(), Found(9, sections))

    assert (sorted(fold.progress.clusters), begin) == (clusters, offset)
