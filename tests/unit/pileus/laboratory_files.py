"""Files for tests of the laboratory's commands."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from tests.laboratory import a_day

POLICY = """\
kind: autoscalingPolicy
id: web
loadThresholds:
  requestsInFlight: {threshold: 10}
prediction: {quantile: 0.5}
"""


def a_csv(
    folder: Path,
    name: str = "load.csv",
    *,
    periods: int = 480,
    step_s: int = 60,
    start: int = 1_700_000_000,
    seed: int = 1,
) -> Path:
    """Write a day's load of two columns."""
    values = a_day(periods=periods, seed=seed)
    rows = [f"{start + i * step_s},{value:.3f},{2 * value:.3f}" for i, value in enumerate(values.tolist())]
    path = folder / name
    path.write_text("\n".join(["timestamp,web,api", *rows, ""]))
    return path


def a_policy_file(folder: Path, text: str = POLICY, name: str = "policy.yaml") -> Path:
    """Write a policy that stands alone."""
    path = folder / name
    path.write_text(text)
    return path


def a_range_answer(folder: Path, series: Sequence[tuple[dict[str, str], Sequence[float]]], *, step_s: int = 15) -> Path:
    """Write what Prometheus answers to a range query."""
    result = [
        {"metric": labels, "values": [[1_700_000_000 + i * step_s, f"{value:g}"] for i, value in enumerate(values)]}
        for labels, values in series
    ]
    path = folder / "answer.json"
    path.write_text(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}))
    return path


def a_wave(periods: int = 200) -> list[float]:
    """Return a wave."""
    return [50.0 + 30.0 * math.sin(i / 20.0) for i in range(periods)]
