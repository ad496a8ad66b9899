"""What the options of ``pileus run`` stand for."""

from pathlib import Path

import pytest

from config.catalogue import Catalogue
from pileus.stack.given import Usage, definitions

DEMO = Path(__file__).resolve().parents[3] / "config" / "definitions" / "demo"


def places(catalogue: Catalogue) -> set[tuple[str, str]]:
    """Return provider and image of every partition in use."""
    return {(p.provider, p.image) for cluster in catalogue.clusters() for p in cluster.partitions}


@pytest.mark.parametrize(
    ("cloud", "image", "found"),
    [
        pytest.param("local", None, {("local", "")}, id="processes"),
        pytest.param("docker", None, {("docker", "pileus:local")}, id="containers of the image that the README makes"),
        pytest.param("docker", "shop:2", {("docker", "shop:2")}, id="containers of another image"),
    ],
)
def test_where_the_demo_runs(cloud: str, image: str | None, found: set[tuple[str, str]]) -> None:
    assert places(definitions(None, cloud=cloud, image=image)) == found


def test_another_application_runs_there_too() -> None:
    catalogue = definitions(DEMO / "application.yaml", cloud="docker")

    assert places(catalogue) == {("docker", "pileus:local")}


def test_the_same_ports_serve_whatever_the_cloud() -> None:
    ports = [[p.ports for c in definitions(None, cloud=cloud).clusters() for p in c.partitions] for cloud in CLOUDS]

    assert ports[0] == ports[1]


def test_an_image_without_docker_is_refused() -> None:
    with pytest.raises(Usage, match="--image"):
        definitions(None, image="shop:2")


CLOUDS = ("local", "docker")
