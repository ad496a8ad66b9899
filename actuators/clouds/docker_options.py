"""What the properties of a cartridge and a partition say about a container. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from actuators.ports import InvalidRequestError
from config.hosting import memory_bytes

HIGHEST_PORT = 65535
MOST_CPUS = 1024.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a container is to be made."""

    memory_bytes: int | None = None
    """Most memory, swap included (bytes); ``None``: no limit."""
    cpus: float | None = None
    """Most CPU time per time; ``None``: no limit."""
    network: str = "bridge"
    """``bridge`` or a network's name: its port is published on this machine. ``host``: it listens here itself."""
    container_port: int | None = None
    """Where it listens, inside; ``None``: on the number that is published."""
    init: bool = True
    """Whether a small init is process 1: it passes signals on and reaps. Many programs ignore SIGTERM as process 1."""
    pull: bool = True
    """Whether an image that the engine does not have is pulled."""

    @property
    def on_host(self) -> bool:
        """Return whether it shares the host's network."""
        return self.network == "host"

    def listens_on(self, published: int) -> int:
        """Return the port inside for one that is published."""
        return published if self.on_host or self.container_port is None else self.container_port


def options(properties: Mapping[str, str]) -> Options:
    """Read ``memory`` (``256m``), ``cpus`` (``0.5``), ``network``, ``containerPort``, ``init`` and ``pull``.

    Raises
    ------
    InvalidRequestError
        A value cannot be; the message names property, value and bound.
    """
    return Options(
        memory_bytes=_read(properties, "memory", _size, "must be a size such as 256m", None),
        cpus=_read(properties, "cpus", _cpus, f"must be in (0, {MOST_CPUS:g}]", None),
        network=_read(properties, "network", _name, "must be bridge, host or a network's name", "bridge"),
        container_port=_read(properties, "containerPort", _port, f"must be in 1..{HIGHEST_PORT}", None),
        init=_read(properties, "init", _flag, "must be true or false", default=True),
        pull=_read(properties, "pull", _flag, "must be true or false", default=True),
    )


def _read(properties: Mapping[str, str], name: str, read: Callable[[str], T], bound: str, default: T) -> T:
    """Return one property, read."""
    text = properties.get(name, "").strip()
    if not text:
        return default
    try:
        return read(text)
    except ValueError:
        raise InvalidRequestError(f"property {name} = {text[:80]!r}: {bound}") from None


def _size(text: str) -> int | None:
    if (size := memory_bytes(text)) is None:
        raise ValueError(text)
    return size


def _cpus(text: str) -> float | None:
    if not 0 < (number := float(text)) <= MOST_CPUS:
        raise ValueError(text)
    return number


def _port(text: str) -> int | None:
    if not 1 <= (number := int(text)) <= HIGHEST_PORT:
        raise ValueError(text)
    return number


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", text) or text == "none":
        raise ValueError(text)
    return text


def _flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"
