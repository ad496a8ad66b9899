"""What members export: while somebody is there who knew it, for all who import it, the newest value."""

import pytest

from actuators.exports import TENANTS, Exports
from config.tree import ApplicationSpec
from streams.records.metadata import Metadata
from tests.pieces_of_instances import a_child, a_shop


def a_value(value: str, *, member: str = "shop-db-1", at: float = 1000.0, name: str = "db-url") -> Metadata:
    return Metadata(tenant="default", application="shop", name=name, value=value, member=member, at=at)


def exported(*records: Metadata, alive: dict[str, float]) -> Exports:
    exports = Exports()
    exports.keep(alive)
    for record in records:
        exports.take(record)
    return exports


def tenants(*names: str) -> ApplicationSpec:
    spec = a_shop(a_child("web"))
    return ApplicationSpec(
        tenant=spec.tenant,
        application=spec.application,
        root=spec.root,
        network_partitions=spec.network_partitions,
        waves=spec.waves,
        multi_tenant=True,
        sign_ups=names,
    )


@pytest.mark.parametrize(
    ("records", "alive", "names"),
    [
        pytest.param([], {"shop-db-1": 900.0}, set(), id="nothing before it is exported"),
        pytest.param([a_value("x")], {"shop-db-1": 900.0}, {"db-url"}, id="while its member is there"),
        pytest.param([a_value("x")], {}, set(), id="not when nobody is there"),
        pytest.param(
            [a_value("x")], {"shop-db-2": 950.0}, {"db-url"}, id="while another was there when it was exported"
        ),
        pytest.param([a_value("x")], {"shop-db-2": 1050.0}, set(), id="not for those of a later start"),
        pytest.param([a_value("x")], {"shop-web-1": 950.0}, set(), id="not for another cluster's member"),
    ],
)
def test_a_name_has_a_value(records: list[Metadata], alive: dict[str, float], names: set[str]) -> None:
    assert exported(*records, alive=alive).names() == names


@pytest.mark.parametrize(
    ("records", "alive", "value"),
    [
        pytest.param([a_value("x"), a_value("y", at=1001.0)], {"shop-db-1": 900.0}, "y", id="the newest"),
        pytest.param([a_value("y", at=1001.0), a_value("x")], {"shop-db-1": 900.0}, "y", id="whatever comes late"),
        pytest.param(
            [a_value("x"), a_value("y", at=1001.0, member="shop-db-2")],
            {"shop-db-1": 900.0},
            "x",
            id="that of a member that is there before that of one that is gone",
        ),
        pytest.param([a_value("x")], {}, "x", id="the last one, when nobody is there"),
    ],
)
def test_the_environment_has_what_is_imported(records: list[Metadata], alive: dict[str, float], value: str) -> None:
    web = a_child("web", imports=("db-url", "db-never"))

    assert exported(*records, alive=alive).environment(web, a_shop(web)) == {"IMPORT_DB_URL": value}


def test_nobody_gets_what_it_does_not_import() -> None:
    web = a_child("web")

    assert exported(a_value("x"), alive={"shop-db-1": 900.0}).environment(web, a_shop(web)) == {}


def test_sign_ups_are_told_when_they_change() -> None:
    exports = Exports()
    told = [
        [record.value for _, record in exports.tell(tenants(*names), 1000.0 + at) if isinstance(record, Metadata)]
        for at, names in enumerate([(), ("ann",), ("ann",), ("ann", "bob"), ()])
    ]

    assert told == [[""], ["ann"], [], ["ann,bob"], [""]]


def test_members_of_a_multi_tenant_application_know_who_has_signed_up() -> None:
    spec = tenants("ann", "bob")

    assert Exports().environment(spec.clusters()[0], spec) == {"TENANTS": "ann,bob"}


def test_sign_ups_of_any_other_application_are_not_told() -> None:
    assert list(Exports().tell(a_shop(a_child("web")), 1000.0)) == []
    assert TENANTS not in Exports().names()
