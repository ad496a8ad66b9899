"""What the predictors reach on real loads: the figures that the README states."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pileus.skill import measure, read_cells
from predictors.skill import Cell, geometric_mean, last_upper, last_values, mean_error, pinball, scored

MOST_RELMAE, WORST_RELMAE, MOST_PINBALL = 0.77, 1.01, 0.80
"""A yardstick of eleven experts reaches 0.788, 1.023 and 0.819 on the same cells."""


@pytest.fixture(scope="module")
def cells(shared: Path) -> list[Cell]:
    return read_cells([shared / "traces"])


@pytest.fixture(scope="module")
def published(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "traces" / "cells.json").read_text())
    return found


def test_the_figures_of_the_last_value_are_the_published_ones(cells: list[Cell], published: dict[str, Any]) -> None:
    for cell in cells:
        told = published[cell.name]["scored"][f"{cell.horizon_s:g}"]
        own = (scored(cell).size, mean_error(cell, last_values(cell)), pinball(cell, last_upper(cell)))
        expected = (told["n"], told["last_mae"], told["last_pinball90"])
        np.testing.assert_allclose(
            own, expected, rtol=1e-9, atol=0.5e-5 + 1e-9, err_msg=f"{cell.name} {cell.horizon_s}"
        )


def test_the_ensemble_beats_the_yardstick_and_its_lines_hold(cells: list[Cell]) -> None:
    skills = measure(cells, ["ensemble"], processes=2)

    assert len(skills) == 38
    assert geometric_mean(s.relmae for s in skills) < MOST_RELMAE
    assert max(s.relmae for s in skills) < WORST_RELMAE
    assert geometric_mean(s.relpinball90 for s in skills) < MOST_PINBALL
    uncovered = {
        (s.name, s.horizon_s): s.coverage90 for s in skills if s.n >= 1000 and not 0.87 <= s.coverage90 <= 0.93
    }
    assert not uncovered
