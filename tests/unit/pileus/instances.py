"""Instances of applications for the tests of what a run shows and reports."""

from streams.records.instance import Instance, Level, Phase


def an_instance(
    name: str = "web",
    *,
    phase: Phase = Phase.CREATED,
    started: bool = True,
    why: str = "",
    wanted: int = 1,
    level: Level = Level.CLUSTER,
    application: str = "shop",
    network_partition: str = "here",
) -> Instance:
    """Return an instance of ``shop``; ``name`` is its place there, such as ``backend.1/api``."""
    around = f"default/{application}/{network_partition}"
    above, _, alias = name.rpartition("/")
    return Instance(
        instance=f"{around}/{name}",
        level=level,
        tenant="default",
        application=application,
        alias=alias,
        parent=f"{around}/{above}".rstrip("/"),
        network_partition=network_partition,
        phase=phase,
        at=0.0,
        epoch=1,
        started=started,
        wanted=wanted,
        why=why,
    )
