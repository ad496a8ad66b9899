"""What the options of ``pileus run`` stand for: definitions, settings and a load that can be used."""

import os
from argparse import Namespace
from importlib.resources import as_file, files
from pathlib import Path

import msgspec

from config.catalogue import Catalogue, load
from config.errors import ConfigError
from config.settings import Settings, load_settings
from pileus.load.choose import choose
from pileus.load.load import LoadError
from pileus.load.recorded import moment


class Usage(Exception):  # noqa: N818 - wrong usage, told in one line
    """An option cannot be used; the message says which and why."""


def definitions(application: Path | None) -> Catalogue:
    """Return the demo's definitions, with another application in place of the demo's when one is named."""
    with as_file(files("config") / "definitions" / "demo") as folder:
        paths = sorted(p for p in folder.glob("*.yaml") if application is None or p.name != "application.yaml")
        try:
            catalogue = load([application] if application and application.is_dir() else [*paths, *_one(application)])
        except ConfigError as error:
            raise Usage(f"--application: {error}") from error
    if not catalogue.clusters():
        raise Usage(f"--application {application}: no application in it")
    return catalogue


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
