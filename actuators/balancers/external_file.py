"""``DIR/external.json``: which program is the balancer, and which clusters it serves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from actuators.ports import BalancerError

FILE = "external.json"


class External(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``DIR/external.json``: the program, and the clusters that it serves."""

    command: tuple[str, ...] = ()
    """Runs in DIR; one for each agent."""
    url: Annotated[str, Meta(pattern=r"^(|https?://.+)$")] = ""
    """Instead of a command: where requests are posted to."""
    clusters: dict[str, str]
    """Where clients ask each cluster (``HOST:PORT``), empty where the program knows."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 5.0
    """How long one answer may take (s)."""

    def __post_init__(self) -> None:
        """Refuse what says of none, or of both, how the balancer is asked."""
        if bool(self.command) == bool(self.url):
            raise ValueError("command or url must be given, not both")

    @property
    def name(self) -> str:
        """Return what messages call it."""
        return self.url or self.command[0]


class Announced:
    """A balancer that agents start by themselves: only its file is to be written.

    Words of ``command`` that are paths of files here are found from anywhere.
    """

    alive = True

    def __init__(self, directory: Path, command: Sequence[str], clusters: Mapping[str, str]) -> None:
        self.directory = directory.resolve()
        words = tuple(str(Path(each).absolute()) if "/" in each and Path(each).exists() else each for each in command)
        self._given = External(command=words, clusters=dict(clusters))

    def start(self) -> None:
        """Write the file.

        Raises
        ------
        BalancerError
            The disk does not obey.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            (self.directory / FILE).write_bytes(msgspec.json.encode(self._given))
        except OSError as error:
            raise BalancerError(f"external: cannot write {self.directory / FILE}: {error}") from error

    def stop(self) -> None:
        """Do nothing: the program ends with its agent."""


def read(directory: Path) -> External:
    """Read which program, and for which clusters.

    Raises
    ------
    BalancerError
        It does not stand there, or is wrong.
    """
    path = directory / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=External)
    except (OSError, msgspec.DecodeError) as error:
        raise BalancerError(f"external: cannot read {path}: {error}") from error
