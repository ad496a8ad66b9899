"""Keep images for Docker engines: start a registry, push to it, list what it holds.

'up' runs the registry of Debian's package docker-registry (or 'registry' on PATH) in the foreground, on 127.0.0.1,
until SIGTERM or SIGINT; its images are kept below --state. 'push IMAGE ...' gives it images that the engine has, and
prints the names by which a cartridge asks for them (imageId). 'list' prints those. An engine takes a registry on
127.0.0.1 without TLS. Exit code 0: done; 1: registry or engine refused; 2: wrong usage.
"""

import asyncio
import json
import os
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

PORT = 5000
PROGRAMS = {"docker-registry": ["serve"], "registry": ["serve"]}
"""What a registry is called, and the words before its configuration."""


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("verb", choices=["up", "push", "list"])
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="images to push")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"of the registry ({PORT})")
    parser.add_argument("--state", type=Path, default=Path(".pileus"), metavar="DIR", help="where 'up' keeps images")
    parser.add_argument("--engine", metavar="URL", help="Docker engine (DOCKER_HOST, or unix:///var/run/docker.sock)")


def main(args: Namespace) -> int:
    """Do what the verb says."""
    from actuators.ports import CloudError

    if (args.verb == "push") != bool(args.images):
        return _wrong("push needs IMAGE" if args.verb == "push" else f"{args.verb} takes no IMAGE", 2)
    if not 1 <= args.port <= 65535:  # noqa: PLR2004 - highest port
        return _wrong(f"--port {args.port}: must be in 1..65535", 2)
    registry = f"127.0.0.1:{args.port}"
    try:
        if args.verb == "up":
            return _up(registry, args.state)
        names = asyncio.run(_push(args, registry)) if args.verb == "push" else _list(registry)
    except CloudError as error:
        return _wrong(str(error), 1)
    sys.stdout.write("".join(f"{name}\n" for name in names))
    return 0


def _up(registry: str, state: Path) -> int:
    """Turn into a registry."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        return _wrong(f"none of {', '.join(PROGRAMS)} is on PATH: on Debian 'apt-get install docker-registry'", 1)
    folder = (state / "registry").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yml"
    config.write_text(configuration(registry, folder / "images"))
    sys.stderr.write(f"registry at {registry}, images in {folder / 'images'}\n")
    words = [program, *PROGRAMS[Path(program).name], str(config)]
    return os.execv(program, words)  # noqa: S606 - no shell is wanted; it does not return


def configuration(registry: str, images: Path) -> str:
    """Return the configuration of a registry on loopback: JSON, which is YAML too."""
    storage = {"filesystem": {"rootdirectory": str(images)}, "delete": {"enabled": True}}
    return json.dumps({"version": 0.1, "log": {"level": "warn"}, "storage": storage, "http": {"addr": registry}})


async def _push(args: Namespace, registry: str) -> list[str]:
    """Push the images, one after another."""
    from actuators.clouds.docker_engine import SOCKET, Engine
    from actuators.clouds.docker_registry import push

    engine = Engine(args.engine or os.environ.get("DOCKER_HOST") or SOCKET)
    try:
        return [await push(engine, image, registry) for image in args.images]
    finally:
        engine.close()


def _list(registry: str) -> list[str]:
    """Return what the registry holds."""
    from actuators.clouds.docker_registry import images

    return images(registry)


def _wrong(text: str, code: int) -> int:
    sys.stderr.write(f"pileus registry: {text}\n")
    return code
