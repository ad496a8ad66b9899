"""A catalogue made after a previous one: equal to one made afresh, and nothing is done again that need not be."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from config import catalogue as module
from config.catalogue import Catalogue
from config.errors import ConfigError
from config.parse import Parsed, Source, parse
from tests.unit.config.mixed import APPLICATIONS, Document, application, mixed

Records = dict[str, bytes]
Change = Callable[[Document], Any]

DEFAULT = [f"default/app-0-{i}" for i in range(APPLICATIONS)]
TEAM_1 = [f"team1/app-1-{i}" for i in range(APPLICATIONS)]


def records(documents: list[Document]) -> Records:
    """Return documents as records."""
    found = {}
    for document in documents:
        definition = parse(Source("here", document)).definition
        assert definition is not None
        found["/".join(definition.identity)] = json.dumps(document).encode()
    return found


GIVEN = records(mixed(200))


def changed(key: str, change: Change) -> Records:
    """Return the records with one of them changed."""
    document = json.loads(GIVEN[key])
    change(document)
    return GIVEN | {key: json.dumps(document).encode()}


def before() -> Catalogue:
    """Return a catalogue whose applications are resolved."""
    catalogue = Catalogue.from_documents(GIVEN.items())
    catalogue.applications()
    return catalogue


def resolved_anew(previous: Catalogue, now: Records) -> list[str]:
    """Return the applications that are not the very objects they were; everything must equal a fresh catalogue."""
    old = {id(each) for each in previous.applications()}
    catalogue, fresh = Catalogue.from_documents(now.items(), previous), Catalogue.from_documents(now.items())

    assert catalogue == fresh
    assert catalogue.documents() == fresh.documents()
    assert catalogue.applications() == fresh.applications()
    assert catalogue.applications() == tuple(each.spec for each in catalogue.known.values())
    return [f"{each.tenant}/{each.application}" for each in catalogue.applications() if id(each) not in old]


def a_quota(document: Document) -> None:
    document["quota"] = {"members": 5}


def a_domain(document: Document) -> None:
    document["domainMappings"][0]["domainName"] = "elsewhere.example"


def a_threshold(document: Document) -> None:
    document["loadThresholds"]["memoryConsumption"]["threshold"] = 70


def a_room(document: Document) -> None:
    document["networkPartitions"][0]["partitions"][0]["partitionMax"] = 19


@pytest.mark.parametrize(
    ("key", "change", "anew"),
    [
        pytest.param("tenant/default/team1", a_quota, TEAM_1, id="a quota: the tenant's"),
        pytest.param("tenant/default/team0", a_quota, [], id="a quota of one that has none: nobody"),
        pytest.param("domainMapping/default/app-0-3", a_domain, DEFAULT[3:4], id="a domain: its application"),
        pytest.param("autoscalingPolicy/default/scaling-0-2", a_threshold, DEFAULT[2::5], id="a policy: who uses it"),
        pytest.param("deploymentPolicy/team1/deployment-1-4", a_room, TEAM_1[4::6], id="a place: who is placed there"),
        pytest.param(
            "networkPartition/default/network-0-1",
            lambda document: document["partitions"][0].update(pricePerHour=1.5),
            [name for i, name in enumerate(DEFAULT) if i % 4 in (0, 1)],
            id="a network partition: whose application policy has it",
        ),
        pytest.param(
            "cartridgeGroup/default/group-0-0",
            lambda document: document["dependencies"].update(terminationBehaviour="terminate-all"),
            sorted(DEFAULT[0::8]),
            id="a group: who has one of it",
        ),
        pytest.param(
            "application/default/app-0-7",
            lambda document: document.update(property=[{"name": "payload_parameter.APP", "value": "new"}]),
            DEFAULT[7:8],
            id="an application: itself",
        ),
        pytest.param("kubernetesCluster/default/kube-0", lambda _: None, [], id="the same in other bytes: nobody"),
    ],
)
def test_a_change_resolves_anew_what_it_touches(key: str, change: Change, anew: list[str]) -> None:
    assert resolved_anew(before(), changed(key, change)) == sorted(anew)


@pytest.mark.parametrize(
    ("gone", "anew"),
    [
        pytest.param("application/default/app-0-30", [], id="an application: no other"),
        pytest.param("applicationSignUp/team1/app-0-3", DEFAULT[3:4], id="a sign-up: what was signed up to"),
        pytest.param("domainMapping/default/app-0-3", DEFAULT[3:4], id="a domain mapping: its application"),
        pytest.param("tenant/default/team1", TEAM_1, id="a tenant with a quota: all of its applications"),
    ],
)
def test_a_deletion_resolves_anew_what_it_touches(gone: str, anew: list[str]) -> None:
    now = dict(GIVEN)
    del now[gone]

    assert resolved_anew(before(), now) == sorted(anew)


def test_something_new_resolves_anew_what_looked_for_it() -> None:
    own = {"kind": "application", "tenant": "team1"} | application(1, 0) | {"applicationId": "app-0-5"}
    signed = {"kind": "applicationSignUp", "tenant": "team1", "applicationId": "app-0-5"}
    previous = Catalogue.from_documents((GIVEN | records([signed])).items())

    anew = resolved_anew(previous, GIVEN | records([signed, own]))

    assert anew == ["default/app-0-5", "team1/app-0-5"], "who signed up now means an application of its own"


def test_only_records_that_differ_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    previous, now, read = before(), changed("domainMapping/default/app-0-3", a_domain), []
    decode = module.decode

    def noted(key: str, value: bytes) -> Parsed:
        read.append(key)
        return decode(key, value)

    monkeypatch.setattr(module, "decode", noted)

    Catalogue.from_documents(now.items(), previous)

    assert read == ["domainMapping/default/app-0-3"]


def test_after_what_does_not_hold_together_the_previous_one_still_serves() -> None:
    previous = before()
    broken = {key: value for key, value in GIVEN.items() if key != "cartridge/default/cartridge-0-0"}

    with pytest.raises(ConfigError, match="no such cartridge") as caught:
        Catalogue.from_documents(broken.items(), previous)
    with pytest.raises(ConfigError) as afresh:
        Catalogue.from_documents(broken.items())

    assert caught.value.problems == afresh.value.problems
    assert resolved_anew(previous, GIVEN) == []


def test_warnings_are_told_again() -> None:
    old = GIVEN | {"tenant/default/team0": b'{"kind": "tenant", "tenantDomain": "team0", "tenantId": 7}'}

    first = Catalogue.from_documents(old.items())
    second = Catalogue.from_documents((old | changed("tenant/default/team1", a_quota)).items(), first)
    third = Catalogue.from_documents(old.items(), first)

    assert [each.path for each in first.warnings] == ["$.tenantId"]
    assert third.warnings == first.warnings
    assert second.warnings == ()


def test_applications_are_resolved_once() -> None:
    catalogue = before()

    assert all(a is b for a, b in zip(catalogue.applications(), catalogue.applications(), strict=True))
