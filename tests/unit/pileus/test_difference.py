"""The difference between definitions, field by field, in one line each."""

from typing import Any

import pytest

from config.definition import Declaration
from config.parse import Source, parse
from pileus.difference import difference, text
from tests.unit.config.documents import shop

POLICY = "policy.json"


def declared(document: dict[str, Any]) -> Declaration:
    definition = parse(Source("f", document)).definition
    assert definition is not None
    return definition


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    old, new = declared(before), declared(after)
    (change,) = difference({old.identity: old}, {new.identity: new})
    return [str(each) for each in change.fields]


def a_policy(**more: Any) -> dict[str, Any]:
    return {"id": "fast", "loadThresholds": {"requestsInFlight": {"threshold": 8}}} | more


def a_cartridge(**more: Any) -> dict[str, Any]:
    return {"type": "web", "category": "framework", "iaasProvider": [{"type": "a"}, {"type": "b"}]} | more


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        pytest.param(a_policy(), a_policy(), [], id="the same"),
        pytest.param(a_policy(), a_policy(tolerance=0.1), [], id="a default written out is no difference"),
        pytest.param(a_policy(), a_policy(tolerance=0.2), ["$.tolerance: 0.1 -> 0.2"], id="against the default"),
        pytest.param(
            a_policy(),
            a_policy(loadThresholds={"requestsInFlight": {"threshold": 12}}),
            ["$.loadThresholds.requestsInFlight.threshold: 8 -> 12"],
            id="a threshold",
        ),
        pytest.param(
            a_policy(),
            a_policy(loadThresholds={"loadAverage": {"threshold": 70}}),
            [
                '$.loadThresholds.requestsInFlight: {"threshold": 8} -> (none)',
                '$.loadThresholds.loadAverage: (none) -> {"threshold": 70}',
            ],
            id="one signal for another",
        ),
        pytest.param(
            a_cartridge(command=["a"]),
            a_cartridge(command=["a", "b"]),
            ['$.command: ["a"] -> ["a", "b"]'],
            id="a list of words, whole",
        ),
        pytest.param(
            a_cartridge(),
            a_cartridge(iaasProvider=[{"type": "b", "imageId": "i"}, {"type": "a"}]),
            ['$.iaasProvider[0].imageId: "" -> "i"', '$.iaasProvider: ["a", "b"] -> ["b", "a"]'],
            id="an item and the order",
        ),
        pytest.param(
            a_cartridge(),
            a_cartridge(iaasProvider=[{"type": "b"}]),
            ['$.iaasProvider[0]: {"type": "a"} -> (none)'],
            id="an item less",
        ),
        pytest.param(
            a_cartridge(),
            a_cartridge(iaasProvider=[{"type": "a"}, {"type": "b"}, {"type": "c", "imageId": "i" * 90}]),
            ['$.iaasProvider[2]: (none) -> {"type": "c", "imageId": "' + "i" * 51 + "..."],
            id="an item more, cut",
        ),
        pytest.param(
            a_cartridge(property=[{"name": "TOKEN", "value": "hunter2"}]),
            a_cartridge(property=[{"name": "TOKEN", "value": "hunter3"}]),
            ["$.property[0].value: *** -> ***"],
            id="a secret that changes",
        ),
        pytest.param(
            a_cartridge(),
            a_cartridge(property=[{"name": "TOKEN", "value": "hunter2"}]),
            ['$.property[0]: (none) -> {"name": "TOKEN", "value": "***"}'],
            id="a secret that comes",
        ),
    ],
)
def test_fields(before: dict[str, Any], after: dict[str, Any], fields: list[str]) -> None:
    assert changed(before, after) == fields


def test_the_text_names_kinds_as_they_refer_to_each_other_and_counts() -> None:
    documents = shop()
    before = {each.identity: each for each in map(declared, documents.values())}
    documents[POLICY]["tolerance"] = 0.3
    after = {each.identity: each for each in map(declared, documents.values())}
    del before["application", "default", "shop"]
    acme = declared(a_policy(tenant="acme.org"))

    assert text(difference(before, after | {acme.identity: acme})).splitlines() == [
        "unchanged  cartridge web",
        "new        autoscalingPolicy fast (tenant acme.org)",
        "changed    autoscalingPolicy fast",
        "             $.tolerance: 0.1 -> 0.3",
        "unchanged  networkPartition here",
        "unchanged  deploymentPolicy both",
        "unchanged  applicationPolicy order",
        "new        application shop",
        "2 new, 1 changed, 4 unchanged",
    ]


def test_what_is_only_declared_is_left_alone() -> None:
    policy = declared(a_policy())

    assert difference({policy.identity: policy}, {}) == ()
