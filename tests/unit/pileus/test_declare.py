"""What documents change in what is declared: checked together, compared, and who needs what."""

import json
from typing import Any

import pytest

from config.catalogue import assemble, decode
from config.index import Identity
from config.parse import Parsed, Source, parse
from pileus.declare import Proposal, propose, users
from tests.unit.config.composites import composite
from tests.unit.config.documents import GONE, Changes, Documents, shop

POLICY, NETWORK, APPLICATION = "policy.json", "network.json", "application.json"
SIGN_UP = {"kind": "applicationSignUp", "tenant": "acme.org"}
TENANT = {"tenantDomain": "acme.org", "kind": "tenant"}


def sources(documents: Documents) -> list[Source]:
    return [Source(f"here/{name}", document) for name, document in documents.items()]


def stored(documents: Documents) -> dict[Identity, Parsed]:
    """Return documents as the topic has them."""
    catalogue, problems = assemble([parse(each) for each in sources(documents)])
    assert not problems
    records = [(key, decode(key, value)) for key, value in catalogue.documents()]
    return {identity_of(key): parsed for key, parsed in records}


def identity_of(key: str) -> Identity:
    kind, tenant, name = key.split("/")
    return kind, tenant, name


def a_record(key: str, value: str) -> dict[Identity, Parsed]:
    return {identity_of(key): decode(key, value.encode())}


def words(proposal: Proposal) -> dict[str, str]:
    return {change.identity[0]: change.word for change in proposal.changes}


def only(*files: str, changes: Changes | None = None) -> list[Source]:
    """Return some of the documents of the shop."""
    return sources({name: each for name, each in shop(changes).items() if name in files})


def test_everything_is_new_at_first_and_unchanged_then() -> None:
    first = propose(sources(shop()), {})
    again = propose(sources(shop()), stored(shop()))

    assert set(words(first).values()) == {"new"}
    assert [change.identity[0] for change in first.open][-1] == "application"  # what is referred to goes first
    assert set(words(again).values()) == {"unchanged"}
    assert again.open == ()
    assert first.problems == again.problems == ()


def test_only_what_is_given_is_compared_and_refers_to_what_is_declared() -> None:
    changes: Changes = {(APPLICATION, ("components", "cartridges", 0, "cartridgeMax")): 3}

    found = propose(only(APPLICATION, changes=changes), stored(shop()))

    assert found.problems == ()
    assert [[str(field) for field in change.fields] for change in found.open] == [
        ["$.components.cartridges[0].cartridgeMax: 4 -> 3"]
    ]


def test_what_is_declared_must_still_hold() -> None:
    changes: Changes = {(NETWORK, ("partitions", 1)): GONE}

    found = propose(only(NETWORK, changes=changes), stored(shop()))

    (wrong,) = map(str, found.problems)
    assert wrong == (
        'pileus.definitions[deploymentPolicy/default/both]: $.networkPartitions[0].partitions[1].id = "p2": '
        "no such partition in network partition 'here'"
    )


def test_all_problems_are_told_at_once() -> None:
    changes: Changes = {
        (POLICY, ("loadThresholds", "requestsInFlight", "threshold")): -1,
        (APPLICATION, ("applicationPolicy",)): "ordre",
    }

    found = propose(only(POLICY, APPLICATION, changes=changes), stored(shop()))

    assert [str(each) for each in found.problems] == [
        "here/policy.json: $.loadThresholds.requestsInFlight.threshold = -1: must be greater than 0",
        "here/application.json: $.applicationPolicy = \"ordre\": no such applicationPolicy, did you mean 'order'?",
    ]


def test_a_record_that_cannot_be_read_is_told_and_can_be_replaced() -> None:
    broken = stored(shop()) | a_record("autoscalingPolicy/default/fast", "{")

    refused = propose(only(NETWORK), broken)
    mended = propose(only(POLICY), broken)

    assert refused.problems[0].file == "pileus.definitions[autoscalingPolicy/default/fast]"
    assert (mended.problems, words(mended)) == ((), {"autoscalingPolicy": "new"})


def test_a_sign_up_belongs_to_the_application_beside_it() -> None:
    given = shop({(APPLICATION, ("multiTenant",)): True}) | {"sign-up.json": SIGN_UP}

    found = propose(sources(given), {})

    assert found.problems == ()
    assert [str(each) for each in found.warnings] == ["here/sign-up.json: $.applicationId: not given, read as 'shop'"]
    assert ("applicationSignUp", "acme.org", "shop") in {change.identity for change in found.changes}


def test_a_sign_up_is_not_given_to_an_application_that_only_is_declared() -> None:
    found = propose(sources({"sign-up.json": SIGN_UP}), stored(shop()))

    assert [str(each) for each in found.problems] == [
        "here/sign-up.json: $.applicationId: must be given: no application lies nearest"
    ]


def with_secret(value: str) -> Documents:
    changes: Changes = {("cartridge.json", ("property",)): [{"name": "payload_parameter.DB_PASSWORD", "value": value}]}
    return shop(changes)


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        pytest.param("***", [], id="the mask leaves it"),
        pytest.param("hunter3", ["$.property[0].value: *** -> ***"], id="another one changes it"),
    ],
)
def test_a_secret(value: str, fields: list[str]) -> None:
    given = [each for each in sources(with_secret(value)) if each.file == "here/cartridge.json"]

    found = propose(given, stored(with_secret("hunter2")))

    assert found.problems == ()
    assert [str(field) for change in found.changes for field in change.fields] == fields
    assert "hunter" not in repr([change.fields for change in found.changes])


def test_a_secret_that_nothing_uses_is_not_published() -> None:
    found = propose([Source("t", TENANT | {"adminPassword": "hunter2"})], {})

    (change,) = found.open
    assert "adminPassword" not in change.after.document()
    assert [each.path for each in found.warnings] == ["$.adminPassword"]


def test_the_mask_leaves_also_what_others_stored_in_clear() -> None:
    there = a_record("tenant/default/acme.org", json.dumps(TENANT | {"adminPassword": "hunter2"}))

    assert words(propose([Source("t", TENANT | {"adminPassword": "***"})], there)) == {"tenant": "unchanged"}


@pytest.mark.parametrize(
    ("key", "by"),
    [
        pytest.param(
            "autoscalingPolicy/default/fast",
            {
                ("application", "$.components.cartridges[0].subscribableInfo.autoscalingPolicy"),
                ("application", "$.components.groups[0].cartridges[0].subscribableInfo.autoscalingPolicy"),
                ("application", "$.components.groups[0].cartridges[1].subscribableInfo.autoscalingPolicy"),
            },
            id="an autoscaling policy",
        ),
        pytest.param(
            "networkPartition/default/here",
            {("applicationPolicy", "$.networkPartitions[0]"), ("deploymentPolicy", "$.networkPartitions[0].id")},
            id="a network partition, by two",
        ),
        pytest.param(
            "cartridgeGroup/default/pair", {("application", "$.components.groups[0].name")}, id="a cartridge group"
        ),
        pytest.param("tenant/default/acme.org", {("applicationSignUp", "$.tenant")}, id="a tenant, by its definitions"),
        pytest.param(
            "application/default/shop", {("applicationSignUp", "$.applicationId")}, id="an application, by a sign-up"
        ),
        pytest.param("applicationSignUp/acme.org/shop", set(), id="what nothing refers to"),
    ],
)
def test_who_uses(key: str, by: set[tuple[str, str]]) -> None:
    everything: Any = composite() | {"sign-up.json": SIGN_UP | {"applicationId": "shop"}, "tenant.json": TENANT}

    assert {(kind, path) for (kind, _, _), path in users(stored(everything), identity_of(key))} == by


def test_what_is_wrong_already_is_no_use() -> None:
    broken = stored(shop()) | a_record("tenant/default/acme.org", "{")

    assert users(broken, ("tenant", "default", "acme.org")) == ()


def test_another_hint_is_no_use() -> None:
    policy = '{"id":"%s","loadThresholds":{"loadAverage":{"threshold":70}}}'
    there = stored(shop()) | a_record("autoscalingPolicy/default/fest", policy % "fest")
    del there["autoscalingPolicy", "default", "fast"]  # what is missing is said to be perhaps "fest"

    assert users(there, ("autoscalingPolicy", "default", "fest")) == ()
