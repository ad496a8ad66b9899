"""What the options of ``pileus run`` stand for: definitions, settings and a load that can be used."""

import asyncio
import json
import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path

import msgspec

from actuators.clouds.docker_engine import SOCKET, Engine
from actuators.ports import CloudError
from config.catalogue import Catalogue, load
from config.errors import ConfigError
from config.settings import Settings, load_settings
from pileus.load.choose import choose
from pileus.load.load import LoadError
from pileus.load.recorded import moment

DOCKER = "docker"


class Usage(Exception):  # noqa: N818 - wrong usage, told in one line
    """An option cannot be used; the message says which and why."""


def definitions(application: Path | None, *, cloud: str = "local", image: str | None = None) -> Catalogue:
    """Return the demo's definitions, with another application in place of the demo's when one is named.

    On another cloud than ``local``, its own documents stand in place of those of the same name. ``image`` is that of
    every cartridge there.
    """
    if image and cloud != DOCKER:
        raise Usage("--image: only with --cloud docker")
    with as_file(files("config") / "definitions") as folder:
        found = {path.name: path for path in (folder / "demo").glob("*.yaml")}
        if cloud != "local":
            found |= {path.name: path for path in (folder / f"demo-{cloud}").glob("*.yaml")}
        paths = sorted(path for path in found.values() if application is None or path.name != "application.yaml")
        try:
            catalogue = load([application] if application and application.is_dir() else [*paths, *_one(application)])
            catalogue = _with_image(catalogue, image) if image else catalogue
        except ConfigError as error:
            raise Usage(f"--application: {error}") from error
    if not catalogue.clusters():
        raise Usage(f"--application {application}: no application in it")
    return catalogue


def _with_image(catalogue: Catalogue, image: str) -> Catalogue:
    """Return the definitions with another image in every cartridge that has one for Docker."""
    documents = []
    for key, document in catalogue.documents():
        content = json.loads(document)
        for provider in content.get("iaasProvider") or [] if key.startswith("cartridge/") else []:
            if provider.get("type") == DOCKER:
                provider["imageId"] = image
        documents.append((key, json.dumps(content).encode()))
    return Catalogue.from_documents(documents)


def engine(args: Namespace, catalogue: Catalogue, environ: Mapping[str, str]) -> str:
    """Return the Docker engine to use, empty when members run elsewhere.

    Raises
    ------
    Usage
        It does not answer, or has no image of that name.
    """
    if args.cloud != DOCKER:
        return ""
    url: str = args.engine or environ.get("DOCKER_HOST") or SOCKET
    places = [place for cluster in catalogue.clusters() for place in cluster.partitions if place.provider == DOCKER]
    try:
        missing = asyncio.run(_missing(url, sorted({place.image for place in places})))
    except CloudError as error:
        raise Usage(f"--cloud docker: {error}") from error
    if missing:
        hint = "'docker build -t pileus:local .' in a checkout of Pileus makes the one of the demo"
        raise Usage(f"--image: the engine at {url} has no image {', '.join(missing)}; {hint}")
    return url


async def _missing(url: str, images: Sequence[str]) -> list[str]:
    """Return the images that an engine does not have."""
    asked = Engine(url)
    try:
        return [image for image in images if not await asked.has_image(image)]
    finally:
        asked.close()


def _one(application: Path | None) -> list[Path]:
    """Return the application's file, if one is named."""
    if application is not None and not application.exists():
        raise Usage(f"--application {application}: no such file")
    return [] if application is None else [application]


def settings(file: Path | None, broker: str | None) -> Settings:
    """Return the settings: the demo's file unless another is named; the environment wins."""
    try:
        with as_file(files("config") / "definitions" / "demo" / "settings.toml") as demo:
            found = load_settings(file or demo, os.environ)
    except ConfigError as error:
        raise Usage(str(error)) from error
    return msgspec.structs.replace(found, broker=broker) if broker else found


def try_load(args: Namespace) -> None:
    """Refuse a load that cannot be used before anything is started."""
    try:
        start, end = (moment(text) if text else None for text in (args.start, args.end))
        choose(args.load, column=args.column, start=start, end=end, speed=args.speed, period_s=args.period)
    except LoadError as error:
        raise Usage(f"--load: {error}") from error
