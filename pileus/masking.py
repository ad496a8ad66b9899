"""Secrets in definitions: never shown, and not stored where nothing uses them. Pure.

A secret is the value of a key such as ``adminPassword``, ``repoPassword`` or ``credential``, and the value of a
property with such a name (``payload_parameter.DB_PASSWORD``). It is shown as ``***``; ``***`` in a document means: as
it is stored.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.errors import SECRET, Problem, problem

MASK = "***"
"""Stands for a secret; given to ``pileus apply``, for the one that is stored."""

NAMES = re.compile(rf"{SECRET.pattern}|passw|passphrase|_pass$|(api|access|private).?key", re.IGNORECASE)
"""Names of properties whose values are secrets."""

LABELS = ("alias", "name", "type", "id", "hostId", "domainName", "cartridgeAlias")
"""Keys by which the items of a list are told apart, the first that is there."""

Path = tuple[str | int, ...]


def is_secret(key: str, holder: Mapping[str, Any]) -> bool:
    """Say whether the value of a key of an object is never shown."""
    return bool(SECRET.search(key) or (key == "value" and NAMES.search(str(holder.get("name", "")))))


def mask(document: Any) -> Any:
    """Return a document without its secrets. An empty one is none."""
    if isinstance(document, list):
        return [mask(each) for each in document]
    if not isinstance(document, dict):
        return document
    return {key: MASK if value and is_secret(key, document) else mask(value) for key, value in document.items()}


def label(item: Any) -> str:
    """Return what an item of a list is called; empty when nothing names it."""
    if not isinstance(item, dict):
        return ""
    info = item.get("subscribableInfo")
    named = info if isinstance(info, dict) else item
    return next((str(named[key]) for key in LABELS if named.get(key)), "")


def matches(before: Sequence[Any], after: Sequence[Any]) -> list[int | None]:
    """Return where each item of ``after`` stands in ``before``: the k-th of a name is the k-th of that name."""
    places: dict[str, deque[int]] = {}
    for i, each in enumerate(before):
        places.setdefault(label(each), deque()).append(i)
    same = (places.get(label(each)) for each in after)
    return [each.popleft() if each else None for each in same]


@dataclass(slots=True)
class Secrets:
    """What was found while the secrets of one document were settled."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def settle(self, document: Any, stored: Any, path: Path = ()) -> Any:
        """Return what is to be stored: ``***`` replaced by what is stored, secrets that nothing uses left out."""
        if isinstance(document, list):
            items = stored if isinstance(stored, list) else []
            return [
                self.settle(document[j], None if i is None else items[i], (*path, j))
                for j, i in enumerate(matches(items, document))
            ]
        if not isinstance(document, dict):
            return document
        return dict(self._settled(document, stored if isinstance(stored, dict) else {}, path))

    def _settled(self, document: dict[str, Any], stored: dict[str, Any], path: Path) -> Iterator[tuple[str, Any]]:
        """Yield what becomes of each key of an object."""
        for key, value in document.items():
            at = (*path, key)
            if not is_secret(key, document):
                yield key, self.settle(value, stored.get(key), at)
            elif value == MASK and stored.get(key):
                yield key, stored[key]
            elif value == MASK:
                self.problems.append(problem(self.file, at, value, "stands for what is stored, and nothing is"))
            elif value and key != "value":
                self.warnings.append(problem(self.file, at, value, "a secret that nothing uses, not stored"))
            else:
                yield key, value
