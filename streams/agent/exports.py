"""What a member exports: lines ``KEY=VALUE`` in a file that it writes and its agent reads.

Blank lines and lines that begin with ``#`` are left out; of several lines with one key the last counts; blanks
around key and value are left out. No value ever stands in a message.
"""

import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

FILE_BYTES = 64 * 1024
"""A longer file is not read."""
VALUE_BYTES = 4 * 1024
"""A longer value is not exported (bytes of UTF-8)."""
FAULTS = 20
"""Lines of one file that are told."""
TOLD = 100
"""Faults told in the life of an agent."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""Keys that look like this are named in messages. Others may be parts of a value that has several lines."""
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What a value may not hold: it is to become a variable of the environment."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that says something."""

    number: int
    """From 1."""
    key: str
    value: str


def parse(data: bytes) -> tuple[list[Line], list[str]]:
    """Return the lines that can be read, and what is wrong with the first ``FAULTS`` of the others."""
    lines, faults = [], []
    for number, raw in enumerate(data.split(b"\n"), 1):
        text = raw.strip(b" \t\r")
        if not text or text.startswith(b"#"):
            continue
        try:
            lines.append(Line(number, *_pair(text)))
        except ValueError as error:
            faults.append(f"line {number}: {error}")
    return lines, faults[:FAULTS]


def _pair(line: bytes) -> tuple[str, str]:
    """Return key and value.

    Raises
    ------
    ValueError
        The line cannot be read: says why, without its content.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    key, separator, value = text.partition("=")
    key, value = key.strip(" \t"), value.strip(" \t")
    if not separator:
        raise ValueError("has no '=': must be KEY=VALUE")
    if not key or any(char.isspace() for char in key):
        raise ValueError("the key is empty or holds a blank")
    if CONTROL.search(value):
        raise ValueError("the value holds a control character")
    if (length := len(value.encode())) > VALUE_BYTES:
        raise ValueError(f"the value has {length} bytes, must have at most {VALUE_BYTES}")
    return key, value


def declared(names: Iterable[str], *, tenant: str, application: str, cluster: str) -> dict[str, str]:
    """Return the names that may be exported (``<alias>-<key>``), by key.

    The alias stands in the cluster's id; when that was shortened to a hash, any end of a name counts as its key,
    of the shortest name first.
    """
    clusters = (f"{application}-", f"{tenant}-{application}-")
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda each: (len(each), each)):
        parts = [(name[:at], name[at + 1 :]) for at, char in enumerate(name) if char == "-"]
        exact = [key for alias, key in parts if cluster in {f"{before}{alias}" for before in clusters}]
        for key in exact or [key for _, key in parts]:
            found.setdefault(key, name)
    return found


class Exports:
    """Watch one file; it need not exist yet. What is wrong with it is told once, and passed over."""

    def __init__(self, path: Path, names: dict[str, str], *, tell: Callable[[str], None]) -> None:
        self._path = path
        self._names = names
        self._tell = tell
        self._told: set[str] = set()
        self._data = b""
        self._whole = True
        self._values: dict[str, str] = {}

    def look(self) -> dict[str, str]:
        """Return the values that are new or changed since the last look, by declared name. Never raises.

        A last line without its end counts once two looks saw the same: it may be half written. A line that went
        away withdraws nothing.
        """
        data = self._read()
        if data is None:
            return {}
        same, self._data = data == self._data, data
        if same and self._whole:
            return {}
        lines, faults = parse(data if same else data[: data.rfind(b"\n") + 1])
        self._whole = same or data.endswith(b"\n")
        self._say(faults + self._undeclared(lines))
        values = {self._names[line.key]: line.value for line in lines if line.key in self._names}
        changed = {name: value for name, value in values.items() if self._values.get(name) != value}
        self._values |= changed
        return changed

    def _read(self) -> bytes | None:
        """Return the file; ``None`` when there is none that can be read."""
        try:
            data = _content(self._path)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._say([f"cannot be read: {error.strerror}"])
            return None
        if data is None:
            self._say(["is no file, not read"])
        elif len(data) > FILE_BYTES:
            self._say([f"is larger than {FILE_BYTES} bytes, not read"])
            return None
        return data

    def _undeclared(self, lines: Iterable[Line]) -> list[str]:
        """Return what to say of keys that are not among the cartridge's ``metadataKeys``."""
        faults = {}
        for line in lines:
            if line.key not in self._names:
                shown = NAME.fullmatch(line.key) and line.value not in {"", "="}  # both end a base64 text
                who = f"key '{line.key}'" if shown else f"line {line.number}: the key"
                faults[line.key] = f"{who} is not among the cartridge's metadataKeys, not exported"
        return list(faults.values())[:FAULTS]

    def _say(self, faults: Sequence[str]) -> None:
        """Tell each fault once, and of all of them a bounded number."""
        for fault in faults:
            if fault in self._told or len(self._told) > TOLD:
                continue
            self._told.add(fault)
            last = len(self._told) > TOLD
            self._tell(f"{self._path}: {'more faults, not told' if last else fault}")


def _content(path: Path) -> bytes | None:
    """Return a file, cut one byte beyond the bound; ``None`` for a folder, a pipe, a device."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a named pipe would wait for its writer
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with open(handle, "rb", closefd=False) as file:
            return file.read(FILE_BYTES + 1)
    finally:
        os.close(handle)
