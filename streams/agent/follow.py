"""Follow the log files of an application, and standard input, line by line.

A file that is there at the start is followed from its end, one that appears later from its beginning.
Renamed and made anew, or truncated: followed. (A file truncated and, between two looks, written
beyond where it was cannot be told from one that grew.) What is not read stays in the file: a flood of lines
makes the agent late, never large.
"""

import os
import select
from pathlib import Path
from typing import IO, Protocol

LINE_BYTES = 8192
"""A longer line is cut here, and says so."""
CHUNK_BYTES = 65_536
"""Read at a time."""


class Follower(Protocol):
    """A place where lines appear."""

    name: str

    def lines(self, limit: int) -> list[str]:
        """Return at most ``limit`` new whole lines, without waiting and without raising."""
        ...


class Lines:
    """Cut bytes into lines: partial ones wait, blank ones are left out, long ones are cut."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def add(self, data: bytes) -> None:
        """Take more bytes."""
        self._rest += data

    def skip_to_next(self) -> None:
        """Leave out everything up to the next line end."""
        self._skipping = True

    def take(self, limit: int, *, last: bool = False) -> list[str]:
        """Return at most ``limit`` whole lines; with ``last`` also what stands after the last line end."""
        found: list[str] = []
        start = 0
        while len(found) < limit:
            end = self._rest.find(b"\n", start)
            if end < 0:
                break
            self._keep(self._rest[start:end], found)
            start = end + 1
        self._rest = self._rest[start:]
        if len(found) < limit and (last or len(self._rest) > LINE_BYTES):
            self._keep(self._rest, found)
            self._rest, self._skipping = b"", not last
        return found

    def clear(self) -> None:
        """Forget what waits."""
        self._rest, self._skipping = b"", False

    def _keep(self, line: bytes, found: list[str]) -> None:
        """Add one line to ``found``, unless it is the rest of one that was cut, or blank."""
        skipping, self._skipping = self._skipping, False
        text = line[:LINE_BYTES].decode("utf-8", errors="replace").rstrip("\r\n\t ")
        if skipping or not text:
            return
        found.append(f"{text} [cut at {LINE_BYTES} bytes]" if len(line) > LINE_BYTES else text)


class LogFile:
    """One file, by its path; it need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._lines = Lines()
        self._file: IO[bytes] | None = None
        self._open()
        if self._file is not None:
            self._to_end(self._file)

    def lines(self, limit: int) -> list[str]:
        """Return new lines; when the file was replaced, first the old one's last, then the new one's first."""
        found: list[str] = []
        if self._file is not None and self._truncated(self._file):
            self._lines.clear()
            self._file.seek(0)
        while True:
            found += self._lines.take(limit - len(found))
            if len(found) >= limit:
                return found
            if self._read():
                continue
            if not self._replaced():
                return found
            found += self._lines.take(limit - len(found), last=True)
            self._open()
            if self._file is None:
                return found

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self) -> bool:
        """Read a chunk; return whether there was any."""
        if self._file is None:
            return False
        try:
            data = self._file.read(CHUNK_BYTES)
        except OSError:
            return False
        self._lines.add(data)
        return bool(data)

    def _open(self) -> None:
        """Open what stands at the path now, from its beginning."""
        self.close()
        self._lines.clear()
        try:
            # a named pipe would wait for its writer
            self._file = self._path.open("rb", buffering=0) if self._path.is_file() else None
        except OSError:
            self._file = None

    def _to_end(self, file: IO[bytes]) -> None:
        """Go to the end; what follows an unfinished line there is no line of its own."""
        end = file.seek(0, os.SEEK_END)
        if end > 0:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                self._lines.skip_to_next()

    def _truncated(self, file: IO[bytes]) -> bool:
        """Return whether the file is shorter than what was read of it."""
        return os.fstat(file.fileno()).st_size < file.tell()

    def _replaced(self) -> bool:
        """Return whether another file stands at the path."""
        try:
            there = self._path.stat()
        except OSError:
            return False
        if self._file is None:
            return True
        ours = os.fstat(self._file.fileno())
        return (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino)


class Pipe:
    """A pipe or a terminal, such as standard input. What is read slowly makes the writer wait."""

    def __init__(self, descriptor: int, *, name: str = "stdin") -> None:
        self.name = name
        self._descriptor = descriptor
        self._lines = Lines()
        self._ended = False

    def lines(self, limit: int) -> list[str]:
        """Return new lines; at the end of the input also the last, unfinished one."""
        found = self._lines.take(limit)
        while len(found) < limit and self._read():
            found += self._lines.take(limit - len(found))
        return found + self._lines.take(limit - len(found), last=self._ended)

    def _read(self) -> bool:
        """Read a chunk if one is there."""
        if self._ended or not select.select([self._descriptor], [], [], 0)[0]:
            return False
        try:
            data = os.read(self._descriptor, CHUNK_BYTES)
        except OSError:
            data = b""
        self._ended = not data
        self._lines.add(data)
        return bool(data)
