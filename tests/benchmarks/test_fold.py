"""How many samples the bare fold takes: a message per member against a message of columns, in one run."""

from collections.abc import Callable, Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from streams.cluster import Rules
from streams.fold import Fold
from streams.records.record import encode
from tests.builders import a_health, a_member, a_tick, an_instance, health_columns

CLUSTERS, EACH = 20, 50
PERIODS = 4


def per_member(at: float) -> Iterator[bytes]:
    """Yield one message per member."""
    for c in range(CLUSTERS):
        for m in range(EACH):
            yield encode(a_health(f"c{c}-{m}", cluster=f"c{c}", at=at))


def columns(at: float) -> Iterator[bytes]:
    """Yield one message per cluster."""
    for c in range(CLUSTERS):
        yield encode(health_columns(*(a_health(f"c{c}-{m}", at=at) for m in range(EACH)), cluster=f"c{c}"))


def a_fold() -> Fold:
    """Return a fold that knows every member."""
    fold = Fold(0, Rules(window_s=60.0))
    for c in range(CLUSTERS):
        fold.instance(c, an_instance(f"c{c}"))
        for m in range(EACH):
            fold.member(c * EACH + m, a_member(f"c{c}-{m}", cluster=f"c{c}"))
    return fold


@pytest.mark.benchmark(group="samples into the fold, ticks included")
@pytest.mark.parametrize("layout", [per_member, columns], ids=["a message per member", "a message of 50 members"])
def test_samples_into_the_fold(benchmark: BenchmarkFixture, layout: Callable[[float], Iterator[bytes]]) -> None:
    messages = [[*layout(1000.0 + 5.0 * p), encode(a_tick(1001.0 + 5.0 * p))] for p in range(PERIODS)]

    def run() -> int:
        fold = a_fold()
        return sum(len(fold.message(raw)) for period in messages for raw in period)

    published = benchmark.pedantic(run, rounds=5, warmup_rounds=1)

    benchmark.extra_info["samples"] = CLUSTERS * EACH * PERIODS
    assert published == PERIODS, "one record per tick, nothing refused"
