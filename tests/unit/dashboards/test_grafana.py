"""The Grafana dashboard asks only for metrics that there are."""

import json
import re
from importlib.resources import files

from dashboards.fold import apply
from dashboards.metrics import exposition
from dashboards.model import Model
from dashboards.status import Status
from streams.explain import ALARMS
from tests import story
from tests.unit.dashboards import deployed

BOARD = (files("dashboards") / "grafana" / "pileus.json").read_text()


def test_every_metric_that_a_panel_asks_for_is_exposed() -> None:
    model, status = Model(), Status("kafka:9092", lag={"pileus.forecasts": 0})
    for record in (
        story.a_forecast(),
        story.a_decision(),
        story.a_member(),
        story.a_rejection(),
        deployed.a_part(),
    ):
        apply(model, record)
    exposed = set(re.findall(r"^(pileus_\w+)", exposition(model, status, now=1001.0).decode(), re.MULTILINE))
    asked = set(re.findall(r"\b(pileus_\w+)", BOARD))

    assert len(asked) >= 7
    assert asked <= exposed


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    panels = json.loads(BOARD)["panels"]
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_there_is_a_panel_of_applications() -> None:
    (panel,) = [each for each in json.loads(BOARD)["panels"] if each["title"] == "Applications"]

    assert "pileus_instances" in panel["targets"][0]["expr"]


def test_there_is_a_panel_of_alarms_and_pauses() -> None:
    (panel,) = [each for each in json.loads(BOARD)["panels"] if each["title"] == "Alarms and pauses"]
    codes, paused = (target["expr"] for target in panel["targets"])

    assert {code.value for code in ALARMS} == set(re.findall(r'code=~"([\w|]+)"', codes)[0].split("|"))
    assert "pileus_paused" in paused
