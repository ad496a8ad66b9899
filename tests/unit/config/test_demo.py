"""The shipped definitions are valid, and as fast as they promise."""

from pathlib import Path

import config
from config.catalogue import load
from config.cluster import StepPolicy
from config.settings import load_settings

DEMO = Path(config.__file__).parent / "definitions" / "demo"


def test_the_demo_is_one_cluster_of_one_to_eight_members() -> None:
    catalogue = load([DEMO])

    (spec,) = catalogue.clusters()

    assert catalogue.warnings == ()
    assert (spec.cluster, spec.min_members, spec.max_members) == ("shop-web", 1, 8)
    assert [(p.partition, p.provider, p.max_members) for p in spec.partitions] == [
        ("p1", "local", 4),
        ("p2", "local", 4),
    ]
    assert (spec.partitions[0].ports[0], spec.partitions[1].ports[-1]) == (19100, 19131)
    assert spec.cartridge.command[0] == "{python}"
    assert spec.cartridge.health == "http:/health"


def test_the_demo_scales_within_seconds() -> None:
    (spec,) = load([DEMO]).clusters()

    assert spec.policy.thresholds == {"requests_in_flight": 8.0}
    assert spec.policy.up.stabilization_s == 0
    assert spec.policy.down.stabilization_s == 15
    assert spec.policy.down.policies == (StepPolicy(kind="Pods", value=1, period_s=5),)


def test_the_demo_looks_once_a_second() -> None:
    settings = load_settings(DEMO / "settings.toml", {})

    assert (settings.sample_interval_s, settings.evaluation_s, settings.window_s) == (1, 1, 20)
    assert (settings.fault_s, settings.checkpoint_s) == (5, 2)
