"""What a worker begins with: its checkpoint, or nothing when that cannot be used."""

import pytest

from streams.cluster import Rules
from streams.fold import LAYOUT, Fold
from streams.records.checkpoint import Checkpoint
from streams.worker import _restored
from tests.builders import an_instance


def a_state() -> bytes:
    """Return the state of a fold that knows one cluster."""
    fold = Fold(0, Rules())
    fold.instance(0, an_instance())
    fold.message(b'{"kind":"tick","at":1000.0,"members_offset":0,"instances_offset":1}')
    return fold.snapshot()


@pytest.mark.parametrize(
    ("layout", "state", "clusters"),
    [
        pytest.param(LAYOUT, a_state(), ["shop-web"], id="a checkpoint"),
        pytest.param(LAYOUT + 1, a_state(), [], id="of another layout"),
        pytest.param(LAYOUT, b"\xc1 damaged", [], id="damaged"),
        pytest.param(LAYOUT, a_state()[:-5], [], id="cut off"),
    ],
)
def test_a_fold_begins_with_what_can_be_used(layout: int, state: bytes, clusters: list[str]) -> None:
    checkpoint = Checkpoint(role="worker", partition=0, offset=9, layout=layout, state=state)

    assert sorted(_restored(0, Rules(), checkpoint).progress.clusters) == clusters


def test_without_a_checkpoint_it_begins_with_nothing() -> None:
    assert not _restored(0, Rules(), None).progress.clusters
