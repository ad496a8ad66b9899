"""Members whose instances have ended: no cloud remembers that for ever, and some forget at once.

Kept in a file, so that a new process knows them too. On another machine the log of members alone remembers.
"""

from collections.abc import Iterable
from pathlib import Path

KEPT = 10_000
"""Members that are remembered; the oldest are forgotten first."""


class Ended:
    """The members that have ended. Without a ``file`` they are forgotten with the process.

    Raises
    ------
    OSError
        The file cannot be read or written, at the beginning or later.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._members: dict[str, None] = {}
        if file is not None and file.exists():
            self._members = dict.fromkeys(file.read_text(encoding="utf-8").split()[-KEPT:])
            file.write_text("".join(f"{member}\n" for member in self._members), encoding="utf-8")

    def __contains__(self, member: str) -> bool:
        """Say whether a member has ended, as far as is known here."""
        return member in self._members

    def add(self, members: Iterable[str]) -> None:
        """Remember the end of members."""
        new = [member for member in members if member not in self._members]
        if not new:
            return
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.writelines(f"{member}\n" for member in new)
        self._members |= dict.fromkeys(new)
        while len(self._members) > KEPT:
            del self._members[next(iter(self._members))]
