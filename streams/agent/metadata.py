"""What the members of one application exported, as a file: ``{"<name>": "<value>", ...}``, replaced as a whole."""

import os
from pathlib import Path

import msgspec

from streams.records.metadata import METADATA, metadata_key
from streams.records.record import UNREADABLE


class MetadataFold:
    """The newest value of each name of one application, from the records of its partition."""

    def __init__(self, tenant: str, application: str) -> None:
        self.values: dict[str, str] = {}
        self.rejected = 0
        """Records that could not be read."""
        self._prefix = metadata_key(tenant, application, "").encode()
        self._next = 0

    def read(self, offset: int, key: bytes | None, value: bytes | None) -> None:
        """Take one record; no value means that the name is no more. Records of other applications are passed over."""
        if offset < self._next:  # the broker lost its log and begins anew
            self.values.clear()
        self._next = offset + 1
        if key is None or not key.startswith(self._prefix):
            return
        try:
            name = key.removeprefix(self._prefix).decode()
            if value is None:
                self.values.pop(name, None)
            else:
                self.values[name] = METADATA.decode(value).value
        except UNREADABLE:
            self.rejected += 1


class MetadataFile:
    """A JSON file that is there whole or not at all, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._written: bytes | None = None

    def write(self, values: dict[str, str]) -> bool:
        """Replace the file when ``values`` are others than before; return whether it was replaced.

        Raises
        ------
        OSError
            It cannot be written; the next call tries again.
        """
        data = msgspec.json.format(msgspec.json.encode(values, order="sorted"), indent=2) + b"\n"
        if data == self._written:
            return False
        handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        self._part.replace(self._path)
        self._written = data
        return True


class MetadataFiles:
    """The files of several instances of one application, which all say the same. They may come and go meanwhile."""

    def __init__(self) -> None:
        self._files: dict[Path, MetadataFile] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._files)

    def add(self, path: Path) -> None:
        """Write this one too, from the next time on."""
        self._files = {**self._files, path: MetadataFile(path)}

    def remove(self, path: Path) -> None:
        """Write this one no longer."""
        self._files = {known: file for known, file in self._files.items() if known != path}

    def write(self, values: dict[str, str]) -> bool:
        """Replace those that say something else; return whether any was replaced.

        Raises
        ------
        OSError
            One cannot be written; the others are. The next call tries again.
        """
        written, failure = False, None
        for file in self._files.values():
            try:
                written |= file.write(values)
            except FileNotFoundError:
                continue  # its folder went with its instance
            except OSError as error:
                failure = error
        if failure is not None:
            raise failure
        return written
