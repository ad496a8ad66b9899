"""Faults of Apache Stratos in what it made of definitions, that must not come back, by their numbers in its list."""

from pathlib import Path

import pytest

from config.catalogue import load
from tests.unit.config.documents import Changes, shop, write


@pytest.mark.parametrize("category", ["lb", "LB", "load-balancer", "loadbalancer", "framework", "data", "of my own"])
def test_f24_how_a_category_is_spelt_decides_nothing(category: str, tmp_path: Path) -> None:
    """Stratos documented the category ``load-balancer`` and asked for ``lb``: such a cluster was no balancer to it.

    Whether a balancer sends a cluster requests is told by its ports here, and nothing else looks at the category.
    """
    changes: Changes = {("cartridge.json", ("category",)): category}
    (tmp_path / "given").mkdir()
    (tmp_path / "usual").mkdir()

    given = load([write(tmp_path / "given", shop(changes))])
    usual = load([write(tmp_path / "usual", shop())])

    assert given.applications() == usual.applications()
    assert [cluster.cartridge.balanced for cluster in given.clusters()] == [True]
