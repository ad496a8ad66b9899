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


UNKNOWN = Key()
"""What a key holds that no definition has."""


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
        held = known.get(key)
        name = key if held else _today(model, document, key)
        if name != key:
            note((*path, key), value, f"stale key, read as '{name}'" if name else "stale key, not used")
        if value is None and held:
            note((*path, key), value, "null, taken as absent")
        elif name:
            given = _split(value, note, (*path, key)) if name in model.LISTS else value
            tidied[name] = _value(held or known.get(name, UNKNOWN), given, note, (*path, key))
    return tidied


def _split(value: Any, note: Note, path: Path) -> Any:
    """Return a list of words for words with commas between them."""
    if not isinstance(value, list | str):
        return value
    words: list[Any] = []
    for i, each in enumerate([value] if isinstance(value, str) else value):
        if not isinstance(each, str) or "," not in each:
            words.append(each)
            continue
        parts = [part.strip() for part in each.split(",")]
        note((*path, i), each, f"one text, read as {len(parts)}")
        words += parts
    return words


def _today(model: type[Definition], document: dict[str, Any], key: str) -> str:
    """Return what a key that the definition has not is called today; empty when it is not used any more."""
    known = keys(model)
    name = model.STALE.get(key, SPELLINGS.get(key, key))
    return name if not name or (name in known and name not in document) else key


def _value(key: Key, value: Any, note: Note, path: Path) -> Any:
    """Return the value of one key, tidied."""
    if key.within is None:
        return _plain(key, value, note, path)
    if key.within is Property and isinstance(value, dict) and len(value) == 1 and value.keys() <= SPELLINGS.keys():
        (inner, value), path = next(iter(value.items())), (*path, next(iter(value)))
        note(path, value, f"stale key '{inner}', its list counts")
    if not isinstance(value, list):
        return tidy(key.within, value, note, path)
    if key.within is Property:
        _repeated(value, note, path)
    return [_item(key.within, each, note, (*path, i)) for i, each in enumerate(value)]


def _item(model: type[Definition], value: Any, note: Note, path: Path) -> Any:
    """Return one item of a list, tidied: a bare text where an object of one list belongs becomes one."""
    if isinstance(value, str) and len(model.LISTS) == 1:
        (only,) = model.LISTS
        note(path, value, f"text, read as '{only}'")
        value = {only: [value]}
    return tidy(model, value, note, path)


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
