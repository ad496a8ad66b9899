"""Secrets are shown to nobody; ``***`` means what is stored; what nothing uses is not stored."""

from collections.abc import Iterator
from typing import Any

import pytest

from config.definition import Definition, Fate
from config.errors import SECRET
from config.fields_page import _fate
from config.kinds import KINDS
from config.leftovers import keys
from pileus.masking import Secrets, mask, matches


def a_property(name: str, value: str) -> dict[str, Any]:
    return {"property": [{"name": name, "value": value}]}


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        pytest.param({"adminPassword": "x"}, {"adminPassword": "***"}, id="a password"),
        pytest.param({"adminPassword": ""}, {"adminPassword": ""}, id="an empty password is none"),
        pytest.param({"a": [{"repoPassword": "x"}]}, {"a": [{"repoPassword": "***"}]}, id="one deep within"),
        pytest.param({"credential": {"user": "u"}}, {"credential": "***"}, id="a whole object"),
        pytest.param(
            a_property("payload_parameter.DB_PASSWORD", "x"),
            a_property("payload_parameter.DB_PASSWORD", "***"),
            id="a property that is called a password",
        ),
        pytest.param(a_property("API_KEY", "x"), a_property("API_KEY", "***"), id="a property that is called a key"),
        pytest.param(a_property("portRange", "9-10"), a_property("portRange", "9-10"), id="any other property"),
        pytest.param({"metadataKeys": ["url"]}, {"metadataKeys": ["url"]}, id="any other key"),
    ],
)
def test_a_secret_is_masked(document: Any, shown: Any) -> None:
    assert mask(document) == shown


@pytest.mark.parametrize(
    ("given", "stored", "becomes"),
    [
        pytest.param({"credential": "***"}, {"credential": "s"}, {"credential": "s"}, id="the mask is what is stored"),
        pytest.param(
            a_property("TOKEN", "***"), a_property("TOKEN", "s"), a_property("TOKEN", "s"), id="also of a property"
        ),
        pytest.param(
            a_property("TOKEN", "n"), a_property("TOKEN", "s"), a_property("TOKEN", "n"), id="a new one counts"
        ),
        pytest.param({"credential": "n"}, {"credential": "s"}, {}, id="what nothing uses is left out"),
        pytest.param({"description": "***"}, None, {"description": "***"}, id="elsewhere the mask is only text"),
    ],
)
def test_what_becomes_of_a_secret(given: Any, stored: Any, becomes: Any) -> None:
    secrets = Secrets("f")

    assert secrets.settle(given, stored) == becomes
    assert not secrets.problems


def test_the_mask_follows_the_name_not_the_place() -> None:
    stored = {"property": [{"name": "A_TOKEN", "value": "a"}, {"name": "B_TOKEN", "value": "b"}]}
    given = {"property": [{"name": "B_TOKEN", "value": "***"}, {"name": "A_TOKEN", "value": "***"}]}

    assert Secrets("f").settle(given, stored) == {"property": stored["property"][::-1]}


@pytest.mark.parametrize("stored", [None, {}, a_property("OTHER_TOKEN", "s"), a_property("A_TOKEN", "")])
def test_the_mask_for_nothing_is_refused(stored: Any) -> None:
    secrets = Secrets("f")
    secrets.settle(a_property("A_TOKEN", "***"), stored)

    assert [str(each) for each in secrets.problems] == [
        'f: $.property[0].value = "***": stands for what is stored, and nothing is'
    ]


def test_a_secret_that_is_left_out_is_told_without_its_value() -> None:
    secrets = Secrets("f")
    secrets.settle({"adminPassword": "hunter2"}, None)

    assert [str(each) for each in secrets.warnings] == [
        "f: $.adminPassword = ***: a secret that nothing uses, not stored"
    ]


def test_items_belong_together_by_name_and_turn() -> None:
    assert matches([{"name": "a"}, {"id": "b"}, {"name": "a"}], [{"id": "b"}, {"name": "a"}, {"name": "c"}]) == [
        1,
        0,
        None,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_secret_key_is_one_that_nothing_uses(kind: str) -> None:
    used = [name for name, fate in _secret_keys(KINDS[kind], None) if fate != "accepted and ignored"]

    assert not used, "a key that is used may not be left out: see Secrets.settle"


def _secret_keys(model: type[Definition], above: Fate | None) -> Iterator[tuple[str, str]]:
    """Yield every key that holds a secret, with its fate."""
    fates = {field.alias or name: _fate(field) or above for name, field in model.model_fields.items()}
    for name, key in keys(model).items():
        fate = fates[name]
        if SECRET.search(name):
            yield name, fate.word if fate else "used"
        if key.within is not None and key.within is not model:
            yield from _secret_keys(key.within, fate)
