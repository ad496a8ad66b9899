"""Faults of Apache Stratos in what it made of definitions, that must not come back, by their numbers in its list."""

from pathlib import Path

import pytest

from config.catalogue import load
from tests.unit.config.documents import Changes, shop, write


@pytest.mark.parametrize("category", ["lb", "LB", "load-balancer", "Load Balancer", "loadbalancer"])
def test_f24_a_balancer_is_one_however_its_category_is_spelt(category: str, tmp_path: Path) -> None:
    """Stratos documented the category ``load-balancer`` and asked for ``lb``: such a cluster was no balancer to it."""
    given = load([write(tmp_path, shop({("cartridge.json", ("category",)): category}))])

    assert [(each.cartridge.balances, each.cartridge.balanced) for each in given.clusters()] == [(True, False)]


@pytest.mark.parametrize("category", ["framework", "data", "of my own", "lb2", "balancer"])
def test_f24_any_other_category_decides_nothing(category: str, tmp_path: Path) -> None:
    """Whether a balancer sends a cluster requests is told by its ports."""
    changes: Changes = {("cartridge.json", ("category",)): category}
    (tmp_path / "given").mkdir()
    (tmp_path / "usual").mkdir()

    given = load([write(tmp_path / "given", shop(changes))])
    usual = load([write(tmp_path / "usual", shop())])

    assert given.applications() == usual.applications()
    assert [cluster.cartridge.balanced for cluster in given.clusters()] == [True]
