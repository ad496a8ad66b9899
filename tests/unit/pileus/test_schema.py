"""``pileus schema`` publishes JSON Schema that says what the code says."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

import config
from config.kinds import KINDS
from pileus.cli import main
from pileus.commands.schema import CONTRACTS, pages, records, schema
from streams.records.sample import Health, HealthColumns, Requests, Tick

ROOT = Path(config.__file__).parents[1]
DEMO = sorted((ROOT / "config" / "definitions" / "demo").glob("*.yaml"))


@pytest.mark.parametrize("kind", [*KINDS, *records(), *CONTRACTS])
def test_every_schema_is_one_of_2020_12(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(kind))


@pytest.mark.parametrize("file", DEMO, ids=lambda file: file.stem)
def test_the_shipped_definitions_fit_their_schema(file: Path) -> None:
    document = yaml.safe_load(file.read_text())

    jsonschema.Draft202012Validator(schema(document["kind"])).validate(document)


def test_a_schema_refuses_unknown_keys_and_values_out_of_bounds() -> None:
    wrong = {"id": "p", "tolerance": 1, "loadThreshold": 1, "loadThresholds": {"loadAverage": {"threshold": 0}}}

    errors = jsonschema.Draft202012Validator(schema("autoscalingPolicy")).iter_errors(wrong)

    assert {error.validator for error in _leaves(errors)} >= {
        "exclusiveMaximum",
        "additionalProperties",
        "exclusiveMinimum",
    }


def _leaves(errors: Any) -> list[Any]:
    return [leaf for error in errors for leaf in ([error] if not error.context else _leaves(error.context))]


@pytest.mark.parametrize(
    "record",
    [
        Health(application="a", cluster="a-b", member="a-b-1", at=1.5, load_average=3.0),
        HealthColumns(application="a", cluster="a-b", member=["a-b-1"], at=[1.5]),
        Requests(application="a", cluster="a-b", balancer="x", at=1.5, interval_s=1.0, in_flight=0.5, count=3),
        Tick(at=1.5, members_offset=1, instances_offset=2),
    ],
    ids=lambda record: type(record).__name__,
)
def test_what_is_sent_fits_its_schema(record: Any) -> None:
    sent = json.loads(msgspec.json.encode(record))

    jsonschema.Draft202012Validator(schema(sent["kind"])).validate(sent)


def test_without_kind_the_names_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0

    lines = capsys.readouterr().out.splitlines()

    assert "  autoscalingPolicy" in lines
    assert "  health-columns" in lines


def test_a_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "tick"]) == 0
    assert json.loads(capsys.readouterr().out) == schema("tick")


def test_an_unknown_kind_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "cartrige"]) == 2
    assert capsys.readouterr().err == "pileus schema: no kind 'cartrige', did you mean 'cartridge'?\n"


def test_everything_generated_can_be_written(tmp_path: Path) -> None:
    assert main(["schema", "--write", str(tmp_path)]) == 0
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*")} == set(pages())


def test_the_published_pages_are_fresh() -> None:
    published = {name: (ROOT / "docs" / name).read_text() for name in pages() if (ROOT / "docs" / name).exists()}

    assert published == pages(), "run 'pileus schema --write docs'"


def test_no_schema_is_left_over() -> None:
    published = {f"schema/{file.name}" for file in (ROOT / "docs" / "schema").glob("*.json")}

    assert published <= set(pages())
