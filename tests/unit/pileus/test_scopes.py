"""What can be paused: as it is written, and whether there is such a thing."""

import json

import pytest

from config.catalogue import decode
from config.index import Identity
from config.parse import Parsed
from pileus.orders import related
from pileus.scopes import Scope, missing, parse_scope
from streams.orders import holding
from streams.records.control import Control
from tests.unit.config.documents import APPLICATION_FILE, shop


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        pytest.param("acme", Scope("acme"), id="a tenant"),
        pytest.param("acme/shop", Scope("acme", "shop"), id="an application"),
        pytest.param("acme/shop/web", Scope("acme", "shop", "web"), id="a cluster"),
    ],
)
def test_a_scope(text: str, scope: Scope) -> None:
    assert parse_scope(text) == scope


@pytest.mark.parametrize("text", ["", "/", "a/", "/a", "a//b", "a/b/c/d"])
def test_what_is_no_scope(text: str) -> None:
    with pytest.raises(ValueError, match="must be TENANT"):
        parse_scope(text)


def stored() -> dict[Identity, Parsed]:
    """Return an application ``shop`` of tenant ``default`` with a cluster."""
    document = shop()[APPLICATION_FILE] | {"applicationId": "shop"}
    parsed = decode("application/default/shop", json.dumps(document).encode())
    return {("application", "default", "shop"): parsed, ("tenant", "default", "acme"): parsed}


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        pytest.param("default", "", id="a tenant with definitions"),
        pytest.param("acme", "", id="a tenant that is declared"),
        pytest.param("default/shop", "", id="an application"),
        pytest.param("default/shop/front", "", id="a cluster"),
        pytest.param("shop", "no tenant shop, did you mean 'default/shop'?", id="an application without its tenant"),
        pytest.param("nobody", "no tenant nobody", id="no tenant"),
        pytest.param(
            "default/shp", "no application shp of tenant default, did you mean 'shop'?", id="a misspelt application"
        ),
        pytest.param("acme/shop", "no application shop of tenant acme", id="another tenant's application"),
        pytest.param("default/shop/fornt", "no cluster fornt in shop, did you mean 'front'?", id="a misspelt cluster"),
    ],
)
def test_what_is_missing(scope: str, why: str) -> None:
    assert missing(parse_scope(scope), stored()) == why


def an_order(scope: str, *, paused: bool = True, until: float = 100.0) -> Control:
    found = parse_scope(scope)
    return Control(
        tenant=found.tenant,
        application=found.application,
        cluster=found.cluster,
        paused=paused,
        owner="alice",
        at=10.0,
        until=until,
    )


def test_a_pause_holds_from_its_order_to_its_end() -> None:
    orders = [an_order("a"), an_order("b", paused=False), an_order("c", until=50.0)]

    assert [o.scope for o in holding(orders, at=50.0)] == ["a"]
    assert holding(orders, at=9.0) == []


def test_what_is_around_a_scope_and_within_it_is_related() -> None:
    orders = [an_order(s) for s in ("a", "a/b", "a/b/c", "a/b/d", "a/x", "a/bc", "b")]

    assert [o.scope for o in related(orders, "a/b")] == ["a", "a/b/c", "a/b/d"]
