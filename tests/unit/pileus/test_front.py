"""Which cluster gets the load, what starts before it, and who balances what."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from config.cluster import ClusterSpec
from config.tree import ApplicationSpec, GroupSpec
from pileus.stack.balancing import agents, fronts
from pileus.stack.front import before, front, levels, outermost
from pileus.stack.given import Usage
from tests.builders import a_cartridge, a_place, a_spec

PORTS = (9001, 9002)


def a_cluster(
    alias: str, *, balanced: bool = True, application: str = "shop", ports: Sequence[int] = PORTS
) -> ClusterSpec:
    return a_spec(
        f"{application}-{alias}",
        application=application,
        alias=alias,
        cartridge=replace(a_cartridge(health="http:/health" if balanced else "tcp"), balanced=balanced),
        partitions=[a_place(ports=ports)],
    )


def a_group(alias: str, *children: ClusterSpec | GroupSpec, order: str = "") -> GroupSpec:
    """Return a group; ``order`` is such as ``a>b b>c``."""
    pairs = tuple((first, then) for first, _, then in (each.partition(">") for each in order.split()))
    return GroupSpec(alias=alias, name=alias, children=children, order=pairs)


def an_application(*children: ClusterSpec | GroupSpec, order: str = "", application: str = "shop") -> ApplicationSpec:
    root = a_group(application, *children, order=order)
    return ApplicationSpec(tenant="default", application=application, root=root, network_partitions=("here",))


DB, API, WEB, ADMIN = a_cluster("db", balanced=False), a_cluster("api"), a_cluster("web"), a_cluster("admin")
BACKEND = a_group("backend", DB, API, order="db>api")
TIERS = an_application(WEB, BACKEND, order="backend>web")


@pytest.mark.parametrize(
    ("application", "expected"),
    [
        pytest.param(an_application(WEB), "web", id="the only one"),
        pytest.param(TIERS, "web", id="nothing starts after it"),
        pytest.param(an_application(API, DB, order="api>db"), "api", id="what takes no requests does not count"),
        pytest.param(an_application(WEB, API, ADMIN, order="api>web api>admin"), "web", id="the first of two"),
        pytest.param(
            an_application(API, DB, WEB, order="api>db db>web"), "web", id="the one before it goes before all the same"
        ),
        pytest.param(an_application(a_group("x", a_group("y", API))), "api", id="in a group in a group"),
        pytest.param(an_application(DB), None, id="none takes requests"),
    ],
)
def test_the_outermost_cluster(application: ApplicationSpec, expected: str | None) -> None:
    found = outermost(application)

    assert (found and found.alias) == expected


def test_a_group_stands_for_all_that_is_in_it() -> None:
    assert levels(TIERS) == {"db": 1, "api": 2, "web": 3}
    assert before(TIERS, "web") == {"db", "api"}
    assert before(TIERS, "db") == set()


def test_branches_that_start_beside_each_other_are_one_level() -> None:
    diamond = an_application(DB, API, ADMIN, WEB, order="db>api db>admin api>web admin>web")

    assert levels(diamond) == {"db": 1, "api": 2, "admin": 2, "web": 3}


BLOG = an_application(a_cluster("web", application="blog"), application="blog")


@pytest.mark.parametrize(
    ("applications", "name", "expected"),
    [
        pytest.param([TIERS], None, "shop-web", id="the outermost"),
        pytest.param([TIERS], "api", "shop-api", id="by its alias"),
        pytest.param([BLOG, TIERS], "shop-web", "shop-web", id="by its id"),
        pytest.param([BLOG, TIERS], None, "blog-web", id="of the first application"),
        pytest.param([an_application(DB), BLOG], None, "blog-web", id="of the first that takes requests"),
    ],
)
def test_which_cluster_gets_the_load(applications: Sequence[ApplicationSpec], name: str | None, expected: str) -> None:
    assert front(applications, name).cluster == expected


@pytest.mark.parametrize(
    ("applications", "name", "said"),
    [
        pytest.param([TIERS], "wbe", "--cluster wbe: no such cluster, did you mean 'web'", id="unknown"),
        pytest.param([TIERS], "zzz", "there is web, db, api", id="unknown, and nothing is near"),
        pytest.param([TIERS], "db", "--cluster db: it takes no requests", id="one without a balancer"),
        pytest.param([BLOG, TIERS], "web", "several are called so: blog-web, shop-web", id="two of that name"),
        pytest.param([an_application(DB)], None, "no cluster of it takes requests", id="none takes requests"),
        pytest.param(
            [an_application(a_cluster("web", ports=()))], None, "no partition of it has a portRange", id="no ports"
        ),
    ],
)
def test_what_cannot_get_the_load_is_said(applications: Sequence[ApplicationSpec], name: str | None, said: str) -> None:
    with pytest.raises(Usage, match=said):
        front(applications, name)


def test_every_cluster_that_takes_requests_has_a_front_of_its_own() -> None:
    made = fronts([DB, API, WEB, a_cluster("far", ports=())], iter(count(19000)))

    assert {name: (each.listen, each.check, each.ports) for name, each in made.items()} == {
        "shop-api": ("127.0.0.1:19000", "127.0.0.1:19001", PORTS),
        "shop-web": ("127.0.0.1:19002", "127.0.0.1:19003", PORTS),
    }


def test_each_application_has_an_agent_that_asks_each_cluster_as_its_cartridge_says() -> None:
    made = agents(
        [TIERS, an_application(DB, application="data"), BLOG], {"shop-web", "shop-api", "blog-web"}, Path("caddy")
    )

    assert list(made) == ["lb-agent", "lb-agent-2"]
    assert " ".join(made["lb-agent"]) == (
        "lb-agent --name lb-1 --balancer caddy --members-dir caddy --tenant default --application shop"
        " --cluster shop-web --probe shop-web=http:/health --cluster shop-api --probe shop-api=http:/health"
    )
    assert " ".join(made["lb-agent-2"]).endswith("--application blog --cluster blog-web --probe blog-web=http:/health")
