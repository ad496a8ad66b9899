"""The commented example of every kind equals the defaults, and the page of fields names every field."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo

import config
from config.catalogue import load
from config.definition import Definition
from config.fields_page import page
from config.kinds import KINDS
from config.leftovers import keys
from config.parse import Source, parse
from config.read import read

DEFAULT = Path(config.__file__).parent / "definitions" / "default"
FILES = sorted(DEFAULT.glob("*.yaml"))
SHIPPED = sorted(DEFAULT.parent.rglob("*.yaml"))
OLDER = {"required", "volume"}
"""Keys that are only read."""


def test_the_examples_are_one_valid_catalogue_with_every_kind() -> None:
    catalogue = load([DEFAULT])

    assert catalogue.warnings == ()
    assert {key[0] for key in catalogue.definitions} == set(KINDS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_leaving_the_optional_fields_out_gives_the_same_definition(file: Path) -> None:
    for source in read([file])[0]:
        given = parse(source).definition
        assert given is not None
        bare = parse(Source(source.file, required_only(type(given), source.document) | {"kind": given.KIND})).definition

        assert bare is not None
        assert given.model_dump() == bare.model_dump()


def required_only(model: type[Definition], document: Any) -> Any:
    """Return a document with everything that has a default left out, except what tells it apart."""
    kept = {}
    fields: dict[str, FieldInfo] = {field.alias or name: field for name, field in model.model_fields.items()}
    for key, value in document.items():
        if key not in fields or not (fields[key].is_required() or must_differ(key, value)):
            continue
        within = keys(model)[key].within
        if within is None:
            kept[key] = value
        else:
            kept[key] = (
                [required_only(within, each) for each in value]
                if isinstance(value, list)
                else required_only(within, value)
            )
    return kept


def must_differ(key: str, value: Any) -> bool:
    """Say whether an optional key is part of what an example is about: its children, its policy, whose it is."""
    wanted = {"applicationId", "deploymentPolicy", "cartridges", "groups", "requestsInFlight", "provider"}
    return (key in wanted and bool(value)) or (key == "multiTenant" and value is True)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_shown_in_an_example(kind: str) -> None:
    (text,) = (each.read_text() for each in FILES if f"kind: {kind}\n" in each.read_text().partition("---")[0])

    assert {key for key in every_key(KINDS[kind], ()) if f"{key}:" not in text} <= OLDER | {"name", "value"}


def every_key(model: type[Definition], seen: tuple[type[Definition], ...]) -> Iterator[str]:
    for key, held in keys(model).items():
        yield key
        if held.within is not None and held.within not in seen:
            yield from every_key(held.within, (*seen, model, held.within))


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_fields_names_every_field(kind: str) -> None:
    section = page().partition(f"## {kind}\n")[2].partition("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| `")]
    last = {row.split("`")[1].rpartition(".")[2].removesuffix("[]") for row in rows}

    assert set(every_key(KINDS[kind], ())) <= last
    assert all(row.count(" | ") == 2 for row in rows)


def test_the_page_says_what_is_not_acted_upon() -> None:
    lines = page().splitlines()

    for path in ("multiTenant", "portMapping[].proxyPort", "active", "persistence"):
        assert any(line.startswith(f"| `{path}` | accepted, not yet used") for line in lines), path
    for path in (
        "category",
        "host",
        "domainMappings[].contextPath",
        "schedules[]",
        "budget",
        "fallback",
        "flapBudget",
        "victim",
        "quota",
        "partitions[].pricePerHour",
    ):
        assert any(line.startswith(f"| `{path}` | used |") for line in lines), path


@pytest.mark.parametrize(
    "file", sorted(DEFAULT.parent.rglob("*.yaml")), ids=lambda file: f"{file.parent.name}/{file.stem}"
)
def test_editors_find_the_schema(file: Path) -> None:
    first = file.read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")

    schema = file.parent / first.partition("$schema=")[2]

    assert schema.is_file()
    assert f"kind: {schema.stem}\n" in file.read_text()
