"""Composite applications: what is wrong is told, what is right becomes a tree."""
# ruff: noqa: E501 - tables read best with one case a line

from pathlib import Path
from typing import Any

import pytest

from config.catalogue import Catalogue, load
from config.cluster import ClusterSpec, FlapSpec
from config.tree import ApplicationSpec, BudgetSpec, DomainSpec, GroupSpec
from tests.unit.config.composites import a_group, a_use, composite, orders
from tests.unit.config.documents import APPLICATION_FILE, Documents, findings, write

PREFIX = "application.json: $.components"


def deps(**given: Any) -> dict[str, Any]:
    return {"dependencies": given}


def spec_of(folder: Path, documents: Documents) -> ApplicationSpec:
    (spec,) = load([write(folder, documents)]).applications()
    return spec


def group_of(spec: ApplicationSpec) -> GroupSpec:
    return next(each for each in spec.root.children if isinstance(each, GroupSpec))


def cluster_of(spec: ApplicationSpec, alias: str) -> ClusterSpec:
    return next(each for each in spec.clusters() if each.alias == alias)


# fmt: off
@pytest.mark.parametrize(
    ("components", "message"),
    [
        pytest.param({}, None, id="the composite itself is valid"),
        pytest.param(deps(startupOrders=orders("group.bak cartridge.front")), '.dependencies.startupOrders[0].aliases[0] = "group.bak": no such child of the application, did you mean \'group.back\'?', id="an unknown child in the start-up order"),
        pytest.param(deps(startupOrders=orders("cartridge.db cartridge.front")), '.dependencies.startupOrders[0].aliases[0] = "cartridge.db": no such child of the application, did you mean \'cartridge.front\'?', id="a child of another level"),
        pytest.param(deps(startupOrders=orders("back cartridge.front")), '.dependencies.startupOrders[0].aliases[0] = "back": must match ^(cartridge|group)\\.[A-Za-z0-9._-]+$', id="an alias that says not what it is"),
        pytest.param(deps(startupOrders=orders("group.back cartridge.front", "cartridge.front group.back")), '.dependencies.startupOrders = "front -> back -> front": must have no cycle', id="a start-up order in a circle"),
        pytest.param(deps(startupOrders=orders("group.back group.back")), '.dependencies.startupOrders = "back -> back": must have no cycle', id="a child before itself"),
        pytest.param(deps(terminationOrder=orders("group.back cartridge.front group.back")), '.dependencies.terminationOrder = "front -> back -> front": must have no cycle', id="a termination order in a circle"),
        pytest.param(deps(scalingDependents=orders("cartridge.front cartridge.side")), '.dependencies.scalingDependents[0].aliases[1] = "cartridge.side": no such child of the application, did you mean \'cartridge.front\'?', id="an unknown scaling dependent"),
        pytest.param(deps(terminationBehaviour="terminate-some"), ".dependencies.terminationBehaviour = \"terminate-some\": must be 'terminate-none', 'terminate-dependents', 'terminate-all', 'none', 'dependents' or 'all', did you mean 'terminate-none'?", id="an unknown termination behaviour"),
        pytest.param(deps(startupOrder=[]), ".dependencies.startupOrder = [0 items]: unknown key, did you mean 'startupOrders'?", id="a misspelt key"),
        pytest.param({"groups": [a_group("front", a_use("db"), a_use("api"))], **deps()}, '.groups[0].alias = "front": must be unique', id="a group called like a cluster"),
        pytest.param({"groups": [a_group("back", a_use("db"), a_use("api"), a_use("front"))]}, '.groups[0].cartridges[2].subscribableInfo.alias = "front": must be unique', id="an alias of another level"),
        pytest.param({"groups": [a_group("back", a_use("db"), a_use("api"), name="pear")]}, ".groups[0].name = \"pear\": no such cartridgeGroup, did you mean 'pair'?", id="a group that nothing declares"),
        pytest.param({"groups": [a_group("back", a_use("dbb"), a_use("api"))]}, ".groups[0].name = \"pair\": names 'cartridge.db' in startupOrders[0], which is no child of group 'back', did you mean 'cartridge.dbb'?", id="an alias that the cartridge group names differently"),
        pytest.param({"groups": [a_group("back", a_use("db"), a_use("api"), groupMinInstances=3, groupMaxInstances=2)]}, ".groups[0].groupMaxInstances = 2: must be at least groupMinInstances = 3", id="more groups at least than at most"),
        pytest.param({"groups": [a_group("back", a_use("db"), a_use("api"), groupMinInstances=0)]}, ".groups[0].groupMinInstances = 0: must be at least 1", id="no group"),
        pytest.param({"groups": [a_group("back", a_use("db", least=2), a_use("api"), groupMinInstances=3, groupMaxInstances=3)]}, ".groups[0].cartridges[0].cartridgeMin = 2: times 3, for its groups, exceeds 4, the sum of partitionMax in network partition 'here'", id="more members in all groups than there is room for"),
        pytest.param({"groups": [a_group("back", a_use("db"), a_use("api"), deploymentPolicy="both")]}, None, id="two deployment policies on one way"),
        pytest.param({"groups": [a_group("back", a_use("db", deployment=None), a_use("api"))]}, ".groups[0].cartridges[0].subscribableInfo.deploymentPolicy: must be given, here or at a group above", id="no deployment policy on the way"),
        pytest.param({"groups": [a_group("back", a_use("db"), a_use("api", least=5, most=5))]}, ".groups[0].cartridges[1].cartridgeMin = 5: must be at most 4, the sum of partitionMax in network partition 'here'", id="no room for the minimum of a nested cluster"),
    ],
)
def test_a_wrong_composite_is_refused_with_its_place_and_bound(components: dict[str, Any], message: str | None, tmp_path: Path) -> None:
    errors, warnings = findings(tmp_path, composite(**components))

    if message is not None:
        assert errors == [PREFIX + message]
    elif components:
        assert errors == [f"{PREFIX}.groups[0].cartridges[{i}].subscribableInfo.deploymentPolicy = \"both\": must not be given: a group above has 'both'" for i in (0, 1)]
    else:
        assert (errors, warnings) == ([], [])
# fmt: on


@pytest.mark.parametrize(
    ("group", "message"),
    [
        pytest.param({"cartridges": ["web", "web"]}, '$.cartridges[1] = "web": must be unique', id="a cartridge twice"),
        pytest.param(
            {"cartridges": ["wbe"]},
            "$.cartridges[0] = \"wbe\": no such cartridge, did you mean 'web'?",
            id="a cartridge that is not there",
        ),
        pytest.param(
            {"dependencies": {"startupOrders": orders("cartridge.a group.b cartridge.a")}},
            '$.dependencies.startupOrders = "b -> a -> b": must have no cycle',
            id="a start-up order in a circle",
        ),
        pytest.param(
            {"groups": [{"name": "other"}]}, '$.groups = "other -> other": must not contain itself', id="itself"
        ),
        pytest.param(
            {"groups": [{"name": "nobody"}]}, '$.groups[0].name = "nobody": no such cartridgeGroup', id="nobody"
        ),
    ],
)
def test_a_wrong_cartridge_group_is_refused(group: dict[str, Any], message: str, tmp_path: Path) -> None:
    documents = composite()
    documents["other.json"] = {"kind": "cartridgeGroup", "name": "other", "cartridges": ["web"]} | group

    errors, _ = findings(tmp_path, documents)

    assert errors == [f"other.json: {message}"]


def test_a_group_must_have_what_its_cartridge_group_declares(tmp_path: Path) -> None:
    documents = composite()
    documents["cartridge2.json"] = documents["cartridge.json"] | {"type": "cache"}
    documents["group.json"] = {
        "name": "pair",
        "cartridges": ["cache"],
        "groups": [{"name": "in", "cartridges": ["web"]}],
    }

    errors, warnings = findings(tmp_path, documents)

    assert errors == [
        f"{PREFIX}.groups[0].name = \"pair\": declares cartridge 'cache', which group 'back' has not",
        f"{PREFIX}.groups[0].name = \"pair\": declares group 'in', which group 'back' has not",
    ]
    assert [each.partition(": ")[2] for each in warnings] == [
        f"$.components.groups[0].cartridges[{i}].type = \"web\": cartridge group 'pair' does not declare it"
        for i in (0, 1)
    ]


def test_groups_nested_without_end_are_refused(tmp_path: Path) -> None:
    group = a_group("g0", a_use("c0", deployment=None), name="g")
    for i in range(1, 40):
        group = a_group(f"g{i}", name="g", groups=[group])
    documents = composite(groups=[group | {"deploymentPolicy": "both"}], dependencies={})

    errors, _ = findings(tmp_path, documents)

    assert errors == [f"{PREFIX}.groups: must be nested at most 32 deep"]


def test_what_is_nested_deeper_than_can_be_read_is_refused(tmp_path: Path) -> None:
    group = '{"name":"g","alias":"g","groups":[' * 300 + "]}" * 300
    text = '{"applicationId": "a", "alias": "a", "components": {"groups": [%s]}}' % group  # noqa: UP031 - braces

    errors, _ = findings(tmp_path, {APPLICATION_FILE: text})

    assert len(errors) >= 1
    assert "application.json" in errors[0]


class TestF21StartUpOrdersAreGraphs:
    """Stratos knew forests only: a child with two predecessors was "not valid"."""

    def test_a_child_may_wait_for_two(self, tmp_path: Path) -> None:
        documents = composite(
            cartridges=[a_use(alias) for alias in ("a", "b", "c", "d")],
            groups=[],
            dependencies={
                "startupOrders": orders("cartridge.a cartridge.b cartridge.d", "cartridge.a cartridge.c cartridge.d")
            },
        )

        root = spec_of(tmp_path, documents).root

        assert root.order == (("a", "b"), ("b", "d"), ("a", "c"), ("c", "d"))
        assert root.termination_order == (("b", "a"), ("d", "b"), ("c", "a"), ("d", "c"))

    def test_one_pair_in_two_lists_counts_once(self, tmp_path: Path) -> None:
        both = {"startupOrders": orders("group.back cartridge.front", "group.back cartridge.front")}

        assert spec_of(tmp_path, composite(dependencies=both)).root.order == (("back", "front"),)


class TestF32MetadataHasOneName:
    """Stratos exported ``<alias>-<key>`` and imported ``<application>-<key>``."""

    def documents(self) -> Documents:
        documents = composite()
        documents["cartridge.json"]["metadataKeys"] = ["url"]
        return documents

    def test_who_starts_later_imports_what_the_earlier_export(self, tmp_path: Path) -> None:
        spec = spec_of(tmp_path, self.documents())

        assert cluster_of(spec, "db").exports == ("db-url",)
        assert cluster_of(spec, "db").imports == ()
        assert cluster_of(spec, "api").imports == ("db-url",)
        assert cluster_of(spec, "front").imports == ("db-url", "api-url"), "all of the group before it"

    def test_a_group_hands_down_what_it_waits_for(self, tmp_path: Path) -> None:
        documents = self.documents()
        documents[APPLICATION_FILE]["components"]["dependencies"] = {
            "startupOrders": orders("cartridge.front group.back")
        }

        spec = spec_of(tmp_path, documents)

        assert cluster_of(spec, "api").imports == ("front-url", "db-url")

    def test_every_import_is_somebodys_export(self, tmp_path: Path) -> None:
        spec = spec_of(tmp_path, self.documents())

        exported = {name for each in spec.clusters() for name in each.exports}

        assert {name for each in spec.clusters() for name in each.imports} <= exported


def test_f11_partitions_keep_the_policys_order(tmp_path: Path) -> None:
    """Stratos kept them in a hash map."""
    names = ["zeta", "alpha", "mid", "beta", "omega"]
    documents = composite()
    documents["network.json"] = {
        "id": "here",
        "provider": "mock",
        "partitions": [{"id": each} for each in sorted(names)],
    }
    uses = [{"id": each, "partitionMax": 2} for each in names]
    documents["deployment.json"]["networkPartitions"] = [{"id": "here", "partitions": uses}]

    catalogue = load([write(tmp_path, documents)])
    again = Catalogue.from_documents(reversed(catalogue.documents()))

    for clusters in (catalogue.clusters(), again.clusters()):
        assert {tuple(each.partition for each in cluster.partitions) for cluster in clusters} == {tuple(names)}


class TestF34SignUpsAreOfOneApplication:
    """Stratos looked at every sign-up of the registry."""

    def documents(self) -> Documents:
        documents = composite()
        documents[APPLICATION_FILE]["multiTenant"] = True
        documents["second.json"] = documents[APPLICATION_FILE] | {"applicationId": "second"}
        for tenant in ("acme", "zoo.org"):
            sign_up: dict[str, Any] = {"tenant": tenant, "applicationId": "shop", "artifactRepositories": []}
            documents[f"{tenant}.json"] = sign_up
        return documents

    def test_each_application_has_its_own(self, tmp_path: Path) -> None:
        specs = load([write(tmp_path, self.documents())]).applications()

        assert {each.application: each.sign_ups for each in specs} == {"shop": ("acme", "zoo.org"), "second": ()}

    def test_a_tenants_own_application_of_that_name_comes_first(self, tmp_path: Path) -> None:
        documents = self.documents()
        documents |= {f"acme-{name}": each | {"tenant": "acme"} for name, each in documents.items() if "." in name[4:]}
        theirs = {name: each for name, each in documents.items() if not name.endswith("second.json")}
        theirs["acme-network.json"] = theirs["acme-network.json"] | {"provider": "mock"}

        specs = load([write(tmp_path, theirs)]).applications()

        assert {(each.tenant, each.sign_ups) for each in specs} >= {("acme", ("acme",)), ("default", ("zoo.org",))}

    def test_a_sign_up_to_a_single_tenant_application_is_told(self, tmp_path: Path) -> None:
        documents = self.documents()
        documents[APPLICATION_FILE]["multiTenant"] = False

        errors, warnings = findings(tmp_path, documents)

        assert errors == []
        assert len([each for each in warnings if "not a multi-tenant application" in each]) == 2


def test_the_extensions_reach_the_resolved_structure(tmp_path: Path) -> None:
    documents = composite(groups=[a_group("back", a_use("db"), a_use("api"), groupMaxInstances=3)])
    documents["policy.json"] |= {
        "prediction": {"predictor": "kinematic", "window": 120, "horizon": 30},
        "fallback": {"replicas": 3},
        "schedules": [{"start": "0 8 * * mon-fri", "end": "0 18 * * mon-fri", "minMembers": 2}],
        "victim": "newest",
        "demand": "stratos-4.1",
        "flapBudget": {"starts": 7},
    }
    documents["network.json"]["partitions"][0]["pricePerHour"] = 0.5
    documents["deployment.json"]["networkPartitions"][0]["partitions"][0]["weight"] = 3
    documents[APPLICATION_FILE]["budget"] = {"members": 9}
    documents["tenant.json"] = {"tenantDomain": "default", "quota": {"applications": 2}}
    documents["domains.json"] = {
        "applicationId": "shop",
        "domainMappings": [{"cartridgeAlias": "front", "domainName": "a.b"}],
    }

    spec = spec_of(tmp_path, documents)
    front = cluster_of(spec, "front")

    assert (front.prediction.predictor, front.prediction.window_s, front.prediction.horizon_s) == ("kinematic", 120, 30)
    assert front.fallback is not None
    assert (front.fallback.replicas, front.fallback.behavior) == (3, "currentReplicasIfHigher")
    assert [(each.timezone, each.min_members, each.max_members) for each in front.schedules] == [("UTC", 2, None)]
    assert front.victim == "newest"
    assert (front.policy.demand, front.policy.flap) == ("stratos-4.1", FlapSpec(starts=7, window_s=3600.0))
    assert [(each.weight, each.price_per_hour) for each in front.partitions] == [(3, 0.5), (1, None)]
    assert (spec.budget, spec.quota) == (BudgetSpec(members=9), BudgetSpec(applications=2))
    assert spec.domains == (DomainSpec(alias="front", domain="a.b"),)
    assert (group_of(spec).min, group_of(spec).max) == (1, 3)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        pytest.param(APPLICATION_FILE, {"budget": {"members": 2}}, "$.budget.members = 2: must be at least 3", id="a budget below the minimums"),
        pytest.param(APPLICATION_FILE, {"budget": {"costPerHour": 2.5}}, "$.budget.costPerHour = 2.5: needs pricePerHour of partition ", id="a budget of money where a price is unknown"),
        pytest.param("tenant.json", {"tenantDomain": "default", "quota": {"applications": 0}}, "$.quota.applications = 0: must be at least 1, the applications of tenant 'default'", id="more applications than the quota"),
        pytest.param("policy.json", {"flapBudget": {"starts": 0}}, "$.flapBudget.starts = 0: must be at least 1", id="a flap budget of nothing"),
        pytest.param("policy.json", {"demand": "stratos"}, "$.demand", id="an unknown demand"),
        pytest.param("policy.json", {"victim": "eldest"}, "did you mean 'oldest'?", id="an unknown victim"),
        pytest.param("policy.json", {"fallback": {"replicas": 0}}, "$.fallback.replicas = 0: must be at least 1", id="a fallback to nothing"),
        pytest.param("policy.json", {"fallback": {"replicas": 1, "behavior": "currentReplicasIfLower"}}, "$.fallback.behavior", id="a fallback that removes"),
        pytest.param("policy.json", {"schedules": [{"start": "0 8 * *", "end": "0 9 * * *", "minMembers": 1}]}, '$.schedules[0].start = "0 8 * *": must have five fields', id="four fields of cron"),
        pytest.param("policy.json", {"schedules": [{"start": "0 24 * * *", "end": "0 9 * * *", "minMembers": 1}]}, "hour '24' must lie within 0-23", id="the 24th hour"),
        pytest.param("policy.json", {"schedules": [{"start": "0 8 * * *", "end": "0 9 * * *", "minMembers": 1, "timezone": "Mars/Base"}]}, "must be a time zone", id="a time zone of another planet"),
        pytest.param("policy.json", {"schedules": [{"start": "0 8 * * *", "end": "0 9 * * *"}]}, "must hold minMembers or maxMembers", id="a schedule of nothing"),
        pytest.param("policy.json", {"prediction": {"horizon": 0}}, "$.prediction.horizon = 0: must be greater than 0", id="no horizon"),
        pytest.param("kubernetes.json", {"clusterId": "k", "kubernetesMaster": {"hostId": "m", "privateIPAddress": "192.0.2.1"}, "kubernetesHosts": [{"hostId": "m", "privateIPAddress": "192.0.2.2"}], "portRange": {"lower": 1, "upper": 2}}, '$.kubernetesHosts[0].hostId = "m": must be unique', id="a host called like the master"),
        pytest.param("kubernetes.json", {"clusterId": "k", "kubernetesMaster": {"hostId": "m", "privateIPAddress": "192.0.2.1"}, "portRange": {"lower": 3, "upper": 2}}, "$.portRange = {2 keys}: upper = 2 must be at least lower = 3", id="ports upside down"),
        pytest.param("other.json", {"id": "o", "provider": "kubernetes", "partitions": [{"id": "p", "property": [{"name": "cluster", "value": "k"}]}]}, 'property[0].value = "k": no such kubernetesCluster', id="a Kubernetes cluster that is not there"),
        pytest.param("domains.json", {"applicationId": "shop", "domainMappings": [{"cartridgeAlias": "fornt", "domainName": "a.b"}]}, "no such cluster of 'shop', did you mean 'front'?", id="a domain of no cluster"),
        pytest.param("signup.json", {"applicationId": "shp", "artifactRepositories": []}, "$.applicationId = \"shp\": no such application, did you mean 'shop'?", id="a sign-up to nothing"),
        pytest.param("tenant.json", {"tenant": "acme", "tenantDomain": "acme"}, "$.tenant = \"acme\": must be 'default'", id="a tenant of a tenant"),
    ],
)  # fmt: skip
def test_a_wrong_extension_is_refused(file: str, changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    documents = composite()
    documents[file] = documents.get(file, {}) | changes

    errors, _ = findings(tmp_path, documents)

    assert len(errors) == 1
    assert errors[0].startswith(f"{file}: ")
    assert message in errors[0]


def test_documents_that_declare_nothing_are_recognised(tmp_path: Path) -> None:
    documents = composite()
    documents["user.json"] = {"userName": "a", "credential": "s3cret", "role": "x"}
    documents["hook.json"] = {"repository": {"url": "x"}}

    errors, warnings = findings(tmp_path, documents)

    assert errors == []
    assert [each.partition(",")[0] for each in warnings] == ["hook.json: $: a gitHook", "user.json: $: a user"]


def test_a_composite_travels_unchanged(tmp_path: Path) -> None:
    catalogue = load([write(tmp_path, composite())])

    again = Catalogue.from_documents(catalogue.documents())

    assert again == catalogue
    assert again.applications() == catalogue.applications()
    assert [each.cluster for each in again.clusters()] == ["shop-front", "shop-db", "shop-api"]


def test_a_sign_up_finds_the_application_beside_it(tmp_path: Path) -> None:
    documents = composite()
    documents["signup.json"] = {"artifactRepositories": []}

    errors, warnings = findings(tmp_path, documents, strict=True)

    assert errors == []
    assert "signup.json: $.applicationId: not given, read as 'shop'" in warnings


def test_a_sign_up_to_nobody_knows_what_is_an_error_only_where_it_is_to_be_used(tmp_path: Path) -> None:
    documents: Documents = {"signup.json": {"artifactRepositories": []}}

    assert findings(tmp_path, documents)[0] == []
    assert findings(tmp_path, documents, strict=True)[0] == [
        "signup.json: $.applicationId: must be given: no application lies nearest"
    ]


def test_a_quota_of_money_needs_every_price(tmp_path: Path) -> None:
    documents = composite()
    documents["tenant.json"] = {"tenantDomain": "default", "quota": {"costPerHour": 9.0}}

    errors, _ = findings(tmp_path, documents)

    said = "$.tenant = \"default\": has a quota in costPerHour, which needs pricePerHour of partition 'p1'"
    assert [said in error for error in errors] == [True]
    for partition in documents["network.json"]["partitions"]:
        partition["pricePerHour"] = 0.5
    (tmp_path / "priced").mkdir()
    assert findings(tmp_path / "priced", documents)[0] == []
