"""Whatever is declared: it travels unchanged, or is refused in words; nothing crashes."""

import graphlib
import itertools
import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from config.catalogue import Catalogue
from config.errors import ConfigError
from config.group import cycle
from config.kinds import KINDS
from config.leftovers import keys
from config.parse import Parsed, Source, parse
from config.resolve import cluster_id
from tests.unit.config.composites import a_use, composite
from tests.unit.config.documents import SHOP, Documents, shop

names = st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True)
aliases = st.from_regex(r"[a-z0-9]{1,20}(-[a-z0-9]{1,9}){0,3}", fullmatch=True)
thresholds = st.dictionaries(
    st.sampled_from(["requestsInFlight", "loadAverage", "memoryConsumption"]),
    st.fixed_dictionaries({"threshold": st.floats(0.001, 100)}),
    min_size=1,
)
steps = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Pods", "Percent"]),
        "value": st.integers(1, 1000),
        "periodSeconds": st.floats(0.1, 1800),
    }
)
rules = st.fixed_dictionaries(
    {},
    optional={
        "stabilizationWindowSeconds": st.floats(0, 3600),
        "selectPolicy": st.sampled_from(["Max", "Min", "Disabled"]),
        "policies": st.lists(steps, min_size=1, max_size=3),
    },
)
behaviors = st.fixed_dictionaries({}, optional={"scaleUp": rules, "scaleDown": rules})


@st.composite
def levels(draw: st.DrawFn, numbers: Iterator[int], depth: int) -> dict[str, Any]:
    """One level of an application: clusters, groups, and a start-up order that only goes forward."""
    cartridges = [a_use(f"c{next(numbers)}") for _ in range(draw(st.integers(1, 2)))]
    groups = []
    for _ in range(draw(st.integers(0, 2)) if depth else 0):
        most = draw(st.integers(1, 3))
        below = draw(levels(numbers, depth - 1))
        groups.append({"name": "any", "alias": f"g{next(numbers)}", "groupMaxInstances": most} | below)
    return {"cartridges": cartridges, "groups": groups}


@st.composite
def composites(draw: st.DrawFn) -> list[tuple[str, bytes]]:
    """Records of one application of nested groups."""
    components = draw(levels(itertools.count(), 3))
    names = [f"cartridge.{each['subscribableInfo']['alias']}" for each in components["cartridges"]]
    names += [f"group.{each['alias']}" for each in components["groups"]]
    chains = draw(st.lists(st.lists(st.sampled_from(names), min_size=1, unique=True), max_size=3))
    lists = [{"aliases": sorted(chain, key=names.index)} for chain in chains]
    documents = composite(**components, dependencies={"startupOrders": lists, "scalingDependents": lists})
    documents["group.json"] = {"name": "any", "cartridges": ["web"]}
    return [(f"{kind}/default/{name}", json.dumps(given).encode()) for kind, name, given in keyed(documents)]


def keyed(documents: Documents) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for document in documents.values():
        definition = parse(Source("here", document)).definition
        assert definition is not None
        yield definition.KIND, definition.identity[2], definition.document()


@settings(max_examples=50, deadline=None)
@given(composites())
def test_a_composite_travels_unchanged_and_resolves_completely(records: list[tuple[str, bytes]]) -> None:
    catalogue = Catalogue.from_documents(records)
    again = Catalogue.from_documents(catalogue.documents())
    (spec,) = catalogue.applications()

    assert again == catalogue
    assert again.applications() == (spec,)
    assert len({each.cluster for each in spec.clusters()}) == len(spec.clusters())
    for group in spec.root.groups():
        aliases = {child.alias for child in group.children}
        assert {alias for pair in group.order for alias in pair} <= aliases
        assert group.termination_order == tuple((b, a) for a, b in group.order)
        assert all(each <= aliases for each in group.dependents)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=12))
def test_a_cycle_is_found_exactly_when_there_is_one(pairs: list[tuple[str, str]]) -> None:
    found = cycle(tuple(pairs))

    try:
        graphlib.TopologicalSorter({each: {a for a, b in pairs if b == each} for each in "abcdef"}).prepare()
    except graphlib.CycleError:
        assert found[0] == found[-1]
        assert set(itertools.pairwise(found)) <= set(pairs)
    else:
        assert found == ()


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Catalogues of one to three tenants with one application each."""
    parts = []
    for tenant in draw(st.lists(aliases, min_size=1, max_size=3, unique=True)):
        documents = shop(
            {
                ("policy.json", ("loadThresholds",)): draw(thresholds),
                ("policy.json", ("behavior",)): draw(behaviors),
                ("policy.json", ("description",)): draw(st.text(st.characters(codec="utf-8"), max_size=20)),
                ("application.json", ("applicationId",)): draw(names),
                ("application.json", ("components", "cartridges", 0, "cartridgeMax")): draw(st.integers(1, 10**7)),
                ("network.json", ("provider",)): "mock",
            }
        )
        for document in documents.values():
            parsed = parse(Source("here", document | {"tenant": tenant}))
            assert parsed.definition is not None
            key = "/".join(parsed.definition.identity)
            parts.append((key, json.dumps(parsed.definition.document()).encode()))
    return Catalogue.from_documents(parts)


@settings(max_examples=50, deadline=None)
@given(catalogues())
def test_a_catalogue_travels_unchanged(catalogue: Catalogue) -> None:
    again = Catalogue.from_documents(catalogue.documents())

    assert again == catalogue
    assert again.documents() == catalogue.documents()
    assert again.clusters() == catalogue.clusters()


@settings(max_examples=50, deadline=None)
@given(catalogues(), st.randoms(use_true_random=False))
def test_the_order_of_the_records_of_different_keys_does_not_matter(catalogue: Catalogue, chance: Any) -> None:
    documents = catalogue.documents()
    chance.shuffle(documents)

    assert Catalogue.from_documents(documents).documents() == catalogue.documents()


def declares_nothing(parsed: Parsed) -> bool:
    """Say whether a document is one of those that are recognised and are no definition."""
    return parsed.definition is None and not parsed.problems and "declares nothing" in str(parsed.warnings)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1", "true", "-2.5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
known = sorted({key for kind in KINDS.values() for key in keys(kind)} | {"kind", "networkPartition", "property"})


@settings(max_examples=200, deadline=None)
@given(anything | st.dictionaries(st.sampled_from(known), anything, max_size=5))
def test_any_document_is_accepted_or_refused_in_words(document: Any) -> None:
    parsed = parse(Source("here", document))

    assert (parsed.definition is not None) != bool(parsed.problems) or declares_nothing(parsed)
    assert all(str(problem).startswith("here: ") and "\n" not in str(problem) for problem in parsed.problems)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_valid_document_with_one_value_replaced_never_crashes(data: st.DataObject) -> None:
    document: Any = json.loads(json.dumps(SHOP[data.draw(st.sampled_from(sorted(SHOP)))]))
    at, depth = document, 0
    while depth < 8:
        key: Any = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.booleans()):
            break
        at, depth = at[key], depth + 1
    at[key] = data.draw(anything)

    parsed = parse(Source("here", document))

    assert (parsed.definition is None) == bool(parsed.problems)


@given(st.text(max_size=20), st.binary(max_size=60))
def test_any_record_is_accepted_or_refused(key: str, value: bytes) -> None:
    usable = parse(Source("here", _json(value))).problems == ()

    with nullcontext() if value == b"" or usable else pytest.raises(ConfigError):
        Catalogue.from_documents([(key, value)])


def _json(value: bytes) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return None


@given(aliases, names, aliases)
def test_a_cluster_id_is_a_label_with_room_for_an_ordinal(tenant: str, application: str, alias: str) -> None:
    cluster = cluster_id(tenant, application, alias)

    assert set(cluster) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert 0 < len(cluster) <= 53
    assert not cluster.startswith("-")
    assert not cluster.endswith("-")
