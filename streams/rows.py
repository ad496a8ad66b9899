"""Who has which row of the store."""

import numpy as np

from streams.bucket import Ints
from streams.records.columns import HealthBlock

Key = tuple[str, str, str, bytes, bytes, int]

KEPT_BYTES = 32 * 1024 * 1024
"""Names of binary envelopes that are kept with their rows, at most (bytes); then all are looked up anew."""

NOBODY = -1
"""Row of a sample whose cluster is not known; below it: the cluster is, the member is not."""


class Members(dict[str, int]):
    """The row of each member of one cluster; of somebody else a number that only says whose member he is not."""

    absent: int = NOBODY

    def __missing__(self, _: str) -> int:
        """Return what stands for anybody else."""
        return self.absent


class Directory(dict[tuple[str, str, str], Members]):
    """The members by tenant, application and cluster."""

    nobody = Members()

    def __missing__(self, _: tuple[str, str, str]) -> Members:
        """Return a cluster without members, for one that is not known."""
        return self.nobody


class Places:
    """The rows of binary envelopes: a node sends the same names each time, so they are looked up once."""

    def __init__(self) -> None:
        self._known: dict[Key, Ints] = {}
        self._bytes = 0

    def clear(self) -> None:
        """Forget everything: somebody has another row."""
        self._known.clear()
        self._bytes = 0

    def has(self, block: HealthBlock) -> bool:
        """Say whether the names of an envelope were looked up before: then they can be read."""
        return _key(block) in self._known

    def of(self, block: HealthBlock, directory: Directory) -> Ints:
        """Return the row of each member of an envelope.

        Raises
        ------
        ValueError
            The names cannot be read.
        """
        key = _key(block)
        rows = self._known.get(key)
        if rows is None:
            members = directory[block.tenant, block.application, block.cluster]
            rows = np.array([members[name] for name in block.members], dtype=np.int64)
            self._bytes += len(block.suffixes) + rows.nbytes
            if self._bytes > KEPT_BYTES:
                self.clear()
            self._known[key] = rows
        return rows


def _key(block: HealthBlock) -> Key:
    """Return whose rows an envelope has."""
    return block.tenant, block.application, block.cluster, block.prefix, block.suffixes, block.at.size
