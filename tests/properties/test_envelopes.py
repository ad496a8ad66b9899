"""An envelope equals its single messages: the same forecasts, refusals and state, to the bit."""

from collections.abc import Callable, Sequence
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.cluster import Rules
from streams.fold import Fold
from streams.records.apart import apart, by_cluster
from streams.records.columns import as_columns, unpack_all
from streams.records.log import Rejected
from streams.records.packed import pack
from streams.records.record import Record, encode
from streams.records.sample import SAMPLE, Health, HealthColumns, Requests, RequestsColumns
from tests.builders import a_health, a_member, a_requests, a_tick, an_instance, raw

RULES = Rules(sample_interval_s=1.0, evaluation_s=1.0, window_s=20.0, fault_s=5.0, horizon_grid_s=(3.0, 6.0))
CLUSTERS = ["shop-web", "shop-db", "shop-gone"]

moments = st.integers(0, 200).map(lambda i: 960.0 + i / 4.0)
rows = st.lists(
    st.builds(
        a_health,
        st.sampled_from(["shop-web-0", "shop-web-1", "shop-db-0", "nobody"]),
        cluster=st.sampled_from(CLUSTERS),
        at=moments,
        load=st.one_of(st.none(), st.floats(-1.0, 200.0)),
        memory=st.one_of(st.none(), st.floats(0.0, 101.0)),
        healthy=st.sampled_from([None, True, False]),
    ),
    min_size=1,
    max_size=8,
)
counted = st.lists(
    st.builds(
        a_requests,
        st.floats(-0.5, 50.0),
        at=moments,
        interval_s=st.sampled_from([0.0, 1.0, 3.0]),
        count=st.integers(-1, 1000),
        balancer=st.sampled_from(["lb-1", "lb-2"]),
        cluster=st.sampled_from(CLUSTERS),
    ),
    max_size=6,
)


def a_fold() -> Fold:
    """Return a fold of two clusters, with three members that serve."""
    fold = Fold(0, RULES)
    for offset, (cluster, alias) in enumerate((("shop-web", "web"), ("shop-db", "db"))):
        fold.instance(offset, an_instance(cluster, alias=alias))
    for offset, (member, cluster) in enumerate(
        (("shop-web-0", "shop-web"), ("shop-web-1", "shop-web"), ("shop-db-0", "shop-db"))
    ):
        fold.member(offset, a_member(member, cluster=cluster, at=900.0))
    return fold


def health_of_many(samples: Sequence[Health]) -> HealthColumns:
    return HealthColumns(
        application="shop",
        clusters=[each.cluster for each in samples],
        member=[each.member for each in samples],
        at=[each.at for each in samples],
        load_average=[each.load_average for each in samples],
        memory_consumption=[each.memory_consumption for each in samples],
        healthy=[each.healthy for each in samples],
    )


def requests_of_many(samples: Sequence[Requests]) -> list[RequestsColumns]:
    """Return an envelope for each balancer and interval, as its agent sends them."""

    def whose(each: Requests) -> tuple[str, float, float]:
        return each.balancer, each.at, each.interval_s

    return [
        RequestsColumns(
            application="shop",
            balancer=balancer,
            at=at,
            interval_s=interval_s,
            cluster=[each.cluster for each in group],
            in_flight=[each.in_flight for each in group],
            count=[each.count for each in group],
        )
        for (balancer, at, interval_s), found in groupby(sorted(samples, key=whose), whose)
        if (group := list(found))
    ]


def evaluated(fold: Fold, messages: Sequence[bytes], at: float) -> list[bytes]:
    out: list[Record] = [record for message in messages for record in fold.message(message)]
    return [raw(record) for record in [*out, *fold.message(raw(a_tick(at)))]]


@pytest.mark.parametrize("write", [encode, pack], ids=["JSON", "binary"])
@settings(max_examples=60)
@given(data=st.data(), batches=st.lists(st.tuples(rows, counted), min_size=1, max_size=3))
def test_an_envelope_equals_its_single_messages(
    write: Callable[[HealthColumns], bytes], data: st.DataObject, batches: list[tuple[list[Health], list[Requests]]]
) -> None:
    singly, together = a_fold(), a_fold()
    for i, (healths, requests) in enumerate(batches):
        at = 1000.0 + 4.0 * i
        single = [raw(each) for each in (*healths, *requests)]
        envelopes = [write(health_of_many(healths)), *map(raw, requests_of_many(requests))]

        assert evaluated(together, data.draw(st.permutations(envelopes)), at) == evaluated(singly, single, at)
    assert together.snapshot() == singly.snapshot()


@given(samples=rows)
def test_binary_columns_of_several_clusters_are_the_same_in_json(samples: list[Health]) -> None:
    many = health_of_many(samples)
    read = SAMPLE.decode(encode(as_columns(*unpack_all(pack(many)))))

    assert isinstance(read, HealthColumns)
    assert list(map(raw, apart(read))) == list(map(raw, by_cluster(many)))


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(
            b'{"kind":"health-columns","application":"shop","clusters":["shop-web"],"member":["a","b"],"at":[1,2]}',
            id="more members than clusters",
        ),
        pytest.param(
            b'{"kind":"requests-columns","application":"shop","balancer":"lb","at":999,"interval_s":1,'
            b'"cluster":["shop-web","shop-db"],"in_flight":[1.0],"count":[1,2]}',
            id="more clusters than requests",
        ),
        pytest.param(
            b'{"kind":"requests-columns","application":"shop","balancer":"lb","at":999,"interval_s":1,'
            b'"cluster":[],"in_flight":[],"count":[]}',
            id="nothing in it",
        ),
        pytest.param(pack(health_of_many([a_health(at=999.0), a_health(at=998.0)]))[:-1], id="binary, cut off"),
    ],
)
def test_an_envelope_that_makes_no_rows_is_refused_whole_and_counted_once(message: bytes) -> None:
    fold = a_fold()
    fold.message(message)
    rejected, _ = fold.message(raw(a_tick(1000.0)))

    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.count) == ("BadValue", 1)
