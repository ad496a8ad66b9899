"""Instances that files declare: a folder of JSON files, each one instance. They may come and go at any time."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from streams.agent.beside import Identity
from streams.agent.cgroup import ROOT
from streams.agent.watched import Found, Watched, probe_of

FILE_BYTES = 64 * 1024
"""A larger file is not read."""
MOST = 10_000
"""Files that are read, the first by name."""

Mark = tuple[int, int, int]
"""By which a file is known to be the same: device's number, time of change (ns), size (bytes)."""


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says. Fields that are not known are passed over."""

    tenant: str = "default"
    application: str
    cluster: str
    member: str
    pid: int | None = None
    cgroup: str | None = None
    cpus: float | None = None
    memory_limit: int | None = None
    probe: str = ""
    log: list[str] = []

    def watched(self, *, timeout_s: float) -> Watched:
        """Return it as an instance.

        Raises
        ------
        ValueError
            A field cannot be; the message names it.
        """
        if not (self.application and self.cluster and self.member):
            raise ValueError("application, cluster and member must not be empty")
        if self.cpus is not None and not self.cpus > 0:
            raise ValueError(f"cpus = {self.cpus}: must be greater than 0")
        if self.memory_limit is not None and self.memory_limit < 1:
            raise ValueError(f"memory_limit = {self.memory_limit}: must be at least 1")
        return Watched(
            who=Identity(tenant=self.tenant, application=self.application, cluster=self.cluster, member=self.member),
            measure=self._measure(),
            cpus=self.cpus,
            memory_limit=self.memory_limit,
            probe=probe_of(self.probe, timeout_s=timeout_s),
            logs=tuple(map(Path, self.log)),
        )

    def _measure(self) -> str:
        """Return what is measured."""
        if (self.pid is None) == (self.cgroup is None):
            raise ValueError("one of pid and cgroup must be given")
        if self.pid is not None:
            if self.pid < 1:
                raise ValueError(f"pid = {self.pid}: must be at least 1")
            return f"pid:{self.pid}"
        path = str(self.cgroup).removeprefix(str(ROOT))
        if not path.strip("/") or ".." in path.split("/"):
            raise ValueError(f"cgroup = '{self.cgroup}': must be the path of a group below {ROOT}")
        return f"cgroup:{path}"


class Declared:
    """Reads the ``*.json`` files of a folder; one that has not changed is not read again.

    ``tell`` hears of each file that cannot be used, once until it changes. While a file cannot be used, what it
    said before counts; when it is gone, its instance is.
    """

    def __init__(self, folder: Path, *, timeout_s: float, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._timeout_s = timeout_s
        self._tell = tell
        self._known: dict[Path, tuple[Mark, Watched | None]] = {}

    def __call__(self) -> Found:
        """Return what the files declare.

        Raises
        ------
        OSError
            The folder cannot be read.
        """
        names = sorted(path for path in self._folder.iterdir() if path.suffix == ".json")[:MOST]
        self._known = {path: known for path in names if (known := self._look(path)) is not None}
        found: dict[Identity, Watched] = {}
        for _, watched in self._known.values():
            if watched is not None:
                found.setdefault(watched.who, watched)
        return found

    def _look(self, path: Path) -> tuple[Mark, Watched | None] | None:
        """Return what a file says; ``None`` when it is gone."""
        before = self._known.get(path)
        try:
            status = path.stat()
        except OSError:
            return None
        mark = (status.st_ino, status.st_mtime_ns, status.st_size)
        if before is not None and before[0] == mark:
            return before
        try:
            return mark, self._read(path, status.st_size)
        except (OSError, ValueError) as error:
            self._tell(f"{path}: {error}, passed over")
            return mark, None if before is None else before[1]

    def _read(self, path: Path, size: int) -> Watched:
        """Read a file.

        Raises
        ------
        OSError, ValueError
            It cannot be used.
        """
        if size > FILE_BYTES:
            raise ValueError(f"{size} bytes: must be at most {FILE_BYTES}")
        return msgspec.json.decode(path.read_bytes(), type=Declaration).watched(timeout_s=self._timeout_s)
