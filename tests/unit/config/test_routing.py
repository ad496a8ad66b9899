"""Which requests go to which cluster, as the definitions say."""

import dataclasses

import msgspec
import pytest

from config.cluster import ClusterSpec
from config.routing import AFFINITY, CLUSTERS, Route, names, routes, served, sticky
from config.tree import DomainSpec
from tests.builders import a_cartridge, a_spec, an_application


def a_cluster(
    alias: str, *, host: str = "", balanced: bool = True, properties: dict[str, str] | None = None
) -> ClusterSpec:
    given = dataclasses.replace(a_cartridge(), host=host, balanced=balanced, properties=properties or {})
    return a_spec(cluster=f"shop-{alias}", alias=alias, cartridge=given)


WEB, API, DB = a_cluster("web", host="Example.org"), a_cluster("api"), a_cluster("db", balanced=False)


@pytest.mark.parametrize(
    ("named", "aliases"),
    [
        pytest.param({}, ["web", "api"], id="all that take requests"),
        pytest.param({CLUSTERS: "api, db"}, ["api"], id="those that are named, and take requests"),
        pytest.param({CLUSTERS: "blog"}, [], id="nobody, when nobody is called so"),
    ],
)
def test_a_balancer_serves(named: dict[str, str], aliases: list[str]) -> None:
    balancer = a_cluster("lb", balanced=False, properties=named)

    assert [each.alias for each in served(an_application(WEB, API, DB, balancer), balancer)] == aliases


def test_a_cluster_is_reached_by_its_host_its_id_and_its_domains_the_narrowest_first() -> None:
    domains = (
        DomainSpec(alias="web", domain="*.Shop.example"),
        DomainSpec(alias="web", domain="shop.example", context_path="/"),
        DomainSpec(alias="api", domain="shop.example", context_path="/api"),
        DomainSpec(alias="api", domain="shop.example", context_path="/api/v2/"),
        DomainSpec(alias="db", domain="db.example"),
    )
    application = msgspec.structs.replace(an_application(WEB, API, DB), domains=domains)

    found, faults = routes(application, [WEB, API])

    assert faults == ()
    assert [(each.host, each.path, each.cluster) for each in found] == [
        ("shop.web.example.org", "", "shop-web"),
        ("web.example.org", "", "shop-web"),
        ("shop.example", "/api/v2", "shop-api"),
        ("shop.example", "/api", "shop-api"),
        ("shop.example", "", "shop-web"),
        ("shop-api", "", "shop-api"),
        ("*.shop.example", "", "shop-web"),
    ]


@pytest.mark.parametrize("host", ["a b", "a\nb", "a#", "*foo", "", 'a"', "a}", "-a"])
def test_what_is_no_host_name_is_refused_and_told(host: str) -> None:
    with pytest.raises(ValueError, match="is no host name"):
        Route(host=host, cluster="shop-web")
    domains = (DomainSpec(alias="web", domain=host),)
    _, faults = routes(msgspec.structs.replace(an_application(WEB), domains=domains), [WEB])
    assert len(faults) == 1


@pytest.mark.parametrize("path", ["api", "/a b", "/a\nb", "/{a}", '/"', "/a#b", "/a//b", "/a/", "/a\\"])
def test_what_is_no_context_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no context path"):
        Route(host="a.example", path=path, cluster="shop-web")


def test_tenants_that_share_an_application_have_a_name_in_common() -> None:
    shared = msgspec.structs.replace(an_application(WEB), multi_tenant=True)

    assert names(shared, WEB) == ("web.example.org", "shop.example.org")


def test_clients_stay_where_the_definition_says_so() -> None:
    assert sticky(a_cluster("web", properties={AFFINITY: "cookie"}))
    assert not sticky(WEB)
