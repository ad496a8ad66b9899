"""What operators have ordered: the newest order of each scope counts, and pauses end by themselves."""

import pytest

from streams import orders
from streams.orders import Orders
from streams.records.control import Control


def an_order(scope: str, *, at: float = 10.0, until: float = 100.0, paused: bool = True, owner: str = "ada") -> Control:
    tenant, application, cluster, *_ = (*scope.split("/"), "", "")
    return Control(
        tenant=tenant,
        application=application,
        cluster=cluster,
        paused=paused,
        owner=owner,
        reason="migration",
        at=at,
        until=until,
    )


def taken(*given: Control) -> Orders:
    made = Orders()
    for each in given:
        made.take(each)
    return made


@pytest.mark.parametrize(
    ("cluster", "scopes"),
    [
        pytest.param(("acme", "shop", "web"), ["acme", "acme/shop", "acme/shop/web"], id="the widest first"),
        pytest.param(("acme", "shop", "db"), ["acme", "acme/shop"], id="not a sibling's"),
        pytest.param(("acme", "shop", ""), ["acme", "acme/shop"], id="its alias is not known yet"),
        pytest.param(("acme", "shopping", "web"), ["acme"], id="not one of which the name begins alike"),
        pytest.param(("other", "shop", "web"), [], id="not another tenant's"),
    ],
)
def test_what_holds_a_cluster(cluster: tuple[str, str, str], scopes: list[str]) -> None:
    known = taken(an_order("acme/shop/web"), an_order("acme/shop"), an_order("acme"))

    assert [pause.scope for pause in known.upon(*cluster, at=50.0)] == scopes


def test_what_is_about_an_application() -> None:
    known = taken(*map(an_order, ("acme", "acme/shop/web", "acme/shopping", "acme/shop", "b/shop")))

    assert [p.scope for p in known.about("acme", "shop", at=50.0)] == ["acme", "acme/shop", "acme/shop/web"]


@pytest.mark.parametrize(("at", "held"), [(9.0, False), (10.0, True), (99.9, True), (100.0, False)])
def test_a_pause_begins_and_ends_by_itself(at: float, held: bool) -> None:  # noqa: FBT001 - a table
    assert bool(taken(an_order("acme/shop")).pauses(at=at)) is held


def test_the_newest_order_counts_in_any_sequence() -> None:
    pause, resume = an_order("acme", at=10.0), an_order("acme", at=20.0, paused=False)

    assert taken(pause, resume).pauses(at=50.0) == taken(resume, pause).pauses(at=50.0) == []
    assert taken(resume).take(pause) is False


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "MOST", 2)

    known = taken(an_order("a"), an_order("b"), an_order("a", at=11.0), an_order("c"))

    assert [each.scope for each in known] == ["a", "c"]


def test_what_is_removed_is_forgotten() -> None:
    known = taken(an_order("a"), an_order("b"))

    assert known.forget("a") is not None
    assert known.forget("a") is None
    assert [each.scope for each in known] == ["b"]
