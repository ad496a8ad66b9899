"""What old documents bring along: stale keys, numbers as text, nulls. Each is put up with, and named."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from config.definition import Definition, Property
from config.errors import ABSENT

Path = tuple[str | int, ...]
Note = Callable[[Path, object, str], None]
"""Takes the path, the value and what was done about it."""

READ: dict[type, tuple[re.Pattern[str], Callable[[str], object]]] = {
    int: (re.compile(r"\s*-?[0-9]{1,18}\s*"), int),
    float: (re.compile(r"\s*-?[0-9]{1,18}(\.[0-9]{1,18})?\s*"), float),
    bool: (re.compile(r"true|false", re.IGNORECASE), lambda text: text.lower() == "true"),
}
"""How a number, or true and false, may be written as text."""

SPELLINGS = {"property": "properties", "properties": "property"}
"""Two spellings of one key; each kind has one of them."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a key of a definition holds."""

    within: type[Definition] | None = None
    """The definition it holds (one, or a list of them)."""
    plain: type | None = None
    """``int``, ``float``, ``bool`` or ``str``, when it holds one of those."""


@cache
def keys(model: type[Definition]) -> dict[str, Key]:
    """Return the keys that a definition has."""
    found = {}
    for name, field in model.model_fields.items():
        leaves = set(_leaves(field.annotation))
        within = next((leaf for leaf in leaves if isinstance(leaf, type) and issubclass(leaf, Definition)), None)
        plain = next((leaf for leaf in (int, float, bool, str) if leaf in leaves), None)
        found[field.alias or name] = Key(within=within, plain=plain)
    return found


def _leaves(annotation: Any) -> Iterator[Any]:
    """Yield what an annotation is made of: ``tuple[Port, ...] | None`` gives ``Port`` and ``None``."""
    args = get_args(annotation)
    if not args:
        yield annotation
    for arg in args:
        yield from _leaves(arg)


def tidy(model: type[Definition], document: Any, note: Note, path: Path = ()) -> Any:
    """Return ``document`` in today's words and tell ``note`` each thing that was changed or left out.

    What is plainly wrong is left as it stands: the model refuses it.
    """
    if not isinstance(document, dict):
        return document
    known = keys(model)
    tidied: dict[str, Any] = {}
    for key, value in document.items():
        name = _today(model, document, key)
        if name != key:
            note((*path, key), value, f"stale key, read as '{name}'" if name else "stale key, not used")
        if value is None and key in known:
            note((*path, key), value, "null, taken as absent")
        elif name:
            tidied[name] = _value(known.get(name, Key()), value, note, (*path, key))
    return tidied


def _today(model: type[Definition], document: dict[str, Any], key: str) -> str:
    """Return what a key is called today; empty when it is not used any more."""
    known = keys(model)
    if key in known:
        return key
    name = model.STALE.get(key, SPELLINGS.get(key, key))
    return name if not name or (name in known and name not in document) else key


def _value(key: Key, value: Any, note: Note, path: Path) -> Any:
    """Return the value of one key, tidied."""
    if key.within is None:
        return _plain(key, value, note, path)
    if not isinstance(value, list):
        return tidy(key.within, value, note, path)
    if key.within is Property:
        _repeated(value, note, path)
    return [tidy(key.within, each, note, (*path, i)) for i, each in enumerate(value)]


def _plain(key: Key, value: Any, note: Note, path: Path) -> Any:
    """Return a number for its text, text for true and false; anything else as it stands."""
    if key.plain is str:
        return str(value).lower() if isinstance(value, bool) else value
    if key.plain is None or not isinstance(value, str):
        return value
    shape, read = READ[key.plain]
    if not shape.fullmatch(value):
        return value
    note(path, value, f"text, read as {value.strip().lower()}")
    return read(value)


def _repeated(given: list[Any], note: Note, path: Path) -> None:
    """Tell of properties that stand there twice."""
    seen = set()
    for i, each in enumerate(given):
        name = each.get("name", ABSENT) if isinstance(each, dict) else ABSENT
        if not isinstance(name, str):
            continue
        if name in seen:
            note((*path, i, "name"), name, "given twice, the last one counts")
        seen.add(name)
