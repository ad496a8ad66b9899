"""What the local cloud remembers on disk, so that a restart of Pileus finds every instance again.

::

    living/<member>/    launch.json (the intent, written first), claim, agent-<n>.claim,
                        exports (the instance's own), metadata.json (its agent's)
    ending/<member>/    the same folder, moved: nothing can be claimed in it any more
    ended/<member>/     the same folder, moved: the tombstone; the name never comes back
    ports/<port>        touched when the port was used
    logs/<member>.log   what the instance wrote; logs/<member>.agent.log, its agent

A member's life is which folder it is in, and every step is one rename: there is nothing half done.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from actuators.clouds.local_ports import choose_port, touch_port
from actuators.clouds.local_process import Claim, read_claim
from actuators.ports import InvalidRequestError, TransientCloudError, Where
from streams.records.action import Launch

LOCK_S = 10.0
"""How long another launch may hold the lock before this one gives up (s)."""
FORGET_S = 7 * 86400.0
"""Tombstones and logs are kept this long (s): as long as ``pileus.actions`` keeps a launch that could be read again."""
TIDY_S = 3600.0
"""How often old tombstones are looked for (s)."""
LOG_BYTES = 64 * 1024 * 1024
"""A log that grows beyond this starts anew."""


class Intent(msgspec.Struct, frozen=True):
    """What was asked for, written before anything is started."""

    where: Where
    launch: Launch
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member that has not ended."""

    intent: Intent
    folder: Path
    ending: bool
    claim: Claim | None
    """``None`` until the instance runs."""


class LocalState:
    """The state folder of one local cloud. Every method blocks for milliseconds; safe across threads and processes.

    Raises
    ------
    OSError
        From every method: the folder cannot be read or written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._living, self._ending, self._ended, self._ports, self._logs = folders = [
            self.root / name for name in ("living", "ending", "ended", "ports", "logs")
        ]
        for folder in folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # environments may hold secrets
        self._tidied = 0.0
        self.tidy()

    def intend(self, where: Where, launch: Launch) -> Entry:
        """Write down that an instance is wanted, with its port; asked again, return what was written.

        Raises
        ------
        InvalidRequestError
            The member has ended, or a port is none.
        OutOfCapacityError
            No port is free.
        TransientCloudError
            Another process holds the lock.
        """
        folder = self._living / where.member
        with self._locked():
            if any((place / where.member).exists() for place in (self._ending, self._ended)):
                raise InvalidRequestError(f"member {where.member} has ended: its name is never used again")
            intent, claim = _read_intent(folder), read_claim(folder / "claim")
            if intent is None and claim is not None:
                raise InvalidRequestError(f"member {where.member}: {folder / 'launch.json'} is damaged; terminate it")
            if intent is None:
                taken = {entry.intent.port for entry in self.entries()}
                intent = Intent(where, launch, choose_port(launch.ports, taken=taken, used=self._ports))
                touch_port(self._ports, intent.port)
                folder.mkdir(exist_ok=True)
                _write(folder / "launch.json", msgspec.json.encode(intent))
        return Entry(intent=intent, folder=folder, ending=False, claim=claim)

    def entries(self) -> list[Entry]:
        """Return every member that has not ended. One that ends meanwhile may be missing."""
        found = []
        for place, ending in ((self._living, False), (self._ending, True)):
            for name in sorted(os.listdir(place)):  # noqa: PTH208 - names are all that is needed, many times a minute
                folder = place / name
                if (intent := _read_intent(folder)) is not None and intent.where.member == name:
                    claim = read_claim(folder / "claim")
                    found.append(Entry(intent=intent, folder=folder, ending=ending, claim=claim))
        return found

    def living(self) -> list[str]:
        """Return the name of every member that is not to end."""
        return sorted(os.listdir(self._living))  # noqa: PTH208 - as above

    def entry(self, member: str) -> Entry | None:
        """Return a member that is not to end; ``None`` when it is not written down, or ends meanwhile."""
        folder = self._living / member
        intent = _read_intent(folder)
        if intent is None or intent.where.member != member:
            return None
        return Entry(intent=intent, folder=folder, ending=False, claim=read_claim(folder / "claim"))

    def members(self) -> list[str]:
        """Return the name of everything that has not ended, readable or not."""
        return sorted({folder.name for place in (self._living, self._ending) for folder in place.iterdir()})

    def begin_end(self, member: str) -> bool:
        """Let nothing be started for ``member`` any more. False: nothing to end, it is gone or never was."""
        with self._locked():
            if (self._ended / member).exists():
                return False
            if (self._ending / member).exists():
                return True
            try:
                (self._living / member).rename(self._ending / member)
            except FileNotFoundError:
                (self._ended / member).mkdir()
                return False
            return True

    def claims(self, member: str) -> tuple[list[Claim], list[Claim]]:
        """Return what was claimed for a member that is to end: by the instance, and by its agents."""
        folder = self._ending / member
        instance = [claim for claim in [read_claim(folder / "claim")] if claim]
        agents = [claim for path in folder.glob("agent-*.claim") if (claim := read_claim(path))]
        return instance, agents

    def finish(self, member: str) -> None:
        """Write down that ``member`` is gone, and free its port."""
        intent = _read_intent(self._ending / member)
        with contextlib.suppress(FileNotFoundError):  # somebody else was faster
            (self._ending / member).rename(self._ended / member)
            (self._ended / member).touch()
        if intent is not None:
            touch_port(self._ports, intent.port)
        self.tidy()

    def log(self, member: str, *, agent: bool = False) -> Path:
        """Return the file that an instance or its agent writes to; it does not move while the member lives."""
        return self._logs / f"{member}{'.agent' if agent else ''}.log"

    def exports(self, member: str) -> Path:
        """Return the file in which an instance says what it exports, while it lives."""
        return self._living / member / "exports"

    def metadata(self, member: str) -> Path:
        """Return the file in which its agent keeps what others exported, while it lives."""
        return self._living / member / "metadata.json"

    def trim_log(self, member: str) -> None:
        """Empty an instance's log that has grown too large. It is open for appending, so the next line is its first."""
        path = self.log(member)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > LOG_BYTES:
                os.truncate(path, 0)

    def tidy(self) -> None:
        """Forget members that ended long ago. The time is the file system's own; does nothing most of the time."""
        (self.root / "lock").touch()
        now = (self.root / "lock").stat().st_mtime
        if abs(now - self._tidied) < TIDY_S:
            return
        self._tidied = now
        for tombstone in self._ended.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if now - tombstone.stat().st_mtime > FORGET_S:
                    self.log(tombstone.name).unlink(missing_ok=True)
                    self.log(tombstone.name, agent=True).unlink(missing_ok=True)
                    shutil.rmtree(tombstone)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep every other thread and process of this state folder out."""
        deadline = time.monotonic() + LOCK_S
        with (self.root / "lock").open("ab") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        message = f"local cloud: {self.root / 'lock'} is held for more than {LOCK_S:g} s"
                        raise TransientCloudError(message) from None
                    time.sleep(0.002)
            yield


def _read_intent(folder: Path) -> Intent | None:
    """Return the intent in ``folder``; ``None`` when there is none that can be read."""
    try:
        return msgspec.json.decode((folder / "launch.json").read_bytes(), type=Intent)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.rename(path)
