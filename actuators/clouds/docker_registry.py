"""A registry of images: what an engine pushes to it, and what it holds. Plain HTTP: for loopback."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from docker import APIClient

from actuators.clouds.docker_engine import Engine, EngineAnswer, failure_in
from actuators.ports import TransientCloudError

ANSWER_S = 10.0
"""Most that the registry may take to answer (s)."""
MOST = 1000
"""Images, and tags of each, that are listed."""
MOST_BYTES = 1 << 24


async def push(engine: Engine, image: str, registry: str) -> str:
    """Give an engine's image to a registry, and return the name by which it is pulled.

    Raises
    ------
    InvalidRequestError
        The engine has no such image, or the registry refuses it.
    TransientCloudError
        The engine or the registry does not answer.
    """
    name = f"{registry}/{image}"
    try:
        await engine.call(lambda client: _push(client, image, name))
    except EngineAnswer as answer:
        raise answer.error(f"push {name}") from answer
    return name


def images(registry: str) -> list[str]:
    """Return the images of a registry as they are pulled, sorted; at most ``MOST`` names and tags of each.

    Raises
    ------
    TransientCloudError
        It does not answer as a registry does.
    """
    found = []
    for name in _asked(registry, f"_catalog?n={MOST}").get("repositories") or []:
        tags = _asked(registry, f"{name}/tags/list?n={MOST}").get("tags") or []
        found += [f"{registry}/{name}:{tag}" for tag in tags]
    return sorted(found)


def _push(client: APIClient, image: str, name: str) -> None:
    """Name an image for its registry, and push it."""
    client.tag(image, name)
    for said in client.push(name, stream=True, decode=True):
        if (failure := failure_in(said)) is not None:
            raise failure


def _asked(registry: str, what: str) -> dict[str, Any]:
    """Return one answer of a registry."""
    try:
        with urllib.request.urlopen(f"http://{registry}/v2/{what}", timeout=ANSWER_S) as answer:
            found = json.loads(answer.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        if error.code == http.client.NOT_FOUND:  # every tag of it was deleted
            return {}
        raise TransientCloudError(f"registry at {registry}: {error}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TransientCloudError(f"registry at {registry} does not answer: {error}") from error
    return found if isinstance(found, dict) else {}
