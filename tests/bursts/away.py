"""The clouds to burst to: how they are reached, and what definitions say of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bursts.machines import Machines, a_subnet, running_machines
from tests.contracts.ec2_rig import KEY, REGIONS, SECRET
from tests.crashes.site import ACCOUNT
from tests.ec2 import Ec2
from tests.engines import DockerEngine
from tests.python_image import IMAGE


@dataclass(frozen=True, slots=True)
class Away:
    """One cloud."""

    provider: str
    cartridge: str
    """Its ``iaasProvider``, in YAML."""
    properties: str
    """Of its partition, in YAML; ``{low}`` and ``{high}`` are ports that are free for it."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    machines: Machines | None = None
    """What plays them, where the cloud boots nothing."""


def docker_away(engine: DockerEngine) -> Away:
    """Return a Docker engine that has the image."""
    return Away(
        provider="docker",
        cartridge=f'{{type: docker, imageId: "{IMAGE}"}}',
        properties="{name: portRange, value: {low}-{high}}",
        settings={"docker_host": engine.url},
    )


@contextmanager
def ec2_away(server: Ec2, folder: Path) -> Iterator[Away]:
    """Open an empty account at moto's EC2, whose machines are played."""
    server.reset()
    folder.mkdir()
    (folder / "key").write_text(KEY)
    (folder / "secret").write_text(SECRET)
    agent = 'agent = ["python3", "-m", "pileus", "agent", "--host"]\n'
    subnet = f'properties = {{ instanceType = "t3.micro", subnetId = "{a_subnet(server)}" }}\n'
    accounts = folder / "clouds.toml"
    accounts.write_text(ACCOUNT.format(folder=folder, region=REGIONS[0], port=server.port) + agent + subnet)
    try:
        with running_machines(server, folder / "machines") as machines:
            yield Away(
                provider="ec2",
                cartridge="{type: ec2, imageId: ami-12345678}",
                properties="{name: payload_parameter.HOST, value: 0.0.0.0}",
                settings={"clouds_file": str(accounts)},
                machines=machines,
            )
    finally:
        server.reset()
