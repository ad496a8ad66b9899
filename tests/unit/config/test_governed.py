"""A cluster under another autoscaling policy is what it would be if that policy were declared."""

from typing import Any

from config.autoscaling import AutoscalingPolicy
from config.catalogue import assemble
from config.cluster import ClusterSpec
from config.parse import Source, parse
from config.resolve import governed
from tests.unit.config.documents import SHOP

OTHER: dict[str, Any] = {
    "id": "fast",
    "loadThresholds": {"loadAverage": {"threshold": 70}, "memoryConsumption": {"threshold": 80}},
    "tolerance": 0.2,
    "behavior": {"scaleUp": {"stabilizationWindowSeconds": 30}, "scaleDown": {"selectPolicy": "Disabled"}},
    "prediction": {"mode": "ForecastOnly", "predictor": "last", "window": 600, "horizon": 60},
    "demand": "stratos-4.1",
    "fallback": {"replicas": 3},
    "schedules": [{"start": "0 8 * * *", "end": "0 18 * * *", "timezone": "UTC", "minMembers": 2}],
    "flapBudget": {"starts": 5},
    "victim": "oldest",
}


def resolved(policy: dict[str, Any]) -> ClusterSpec:
    catalogue, problems = assemble(
        [parse(Source(name, each)) for name, each in (SHOP | {"policy.json": policy}).items()]
    )
    assert problems == []
    (spec,) = catalogue.clusters()
    return spec


def test_all_that_a_policy_decides_is_the_other_ones() -> None:
    mine, other = resolved(SHOP["policy.json"]), resolved(OTHER)

    assert mine != other
    assert governed(mine, AutoscalingPolicy.model_validate(OTHER)) == other
