"""What is different between two sets of definitions: new, changed field by field, the same. Pure; shows no secret."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config.definition import DEFAULT_TENANT, Declaration
from config.errors import ABSENT, LONGEST, json_path
from config.index import Identity
from config.kinds import KINDS
from pileus.masking import Path, is_secret, label, mask, matches

NONE = "(none)"
"""Shown where there is nothing."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that is different. Secrets are masked already."""

    path: str
    """JSON path, from ``$``."""
    before: str
    """As JSON, cut."""
    after: str

    def __str__(self) -> str:
        """Return the change in one line."""
        return f"{self.path}: {self.before} -> {self.after}"


@dataclass(frozen=True, slots=True)
class Change:
    """One definition as it is and as it is to be."""

    identity: Identity
    after: Declaration
    fields: tuple[FieldChange, ...] = ()
    """What is different; with the defaults filled in."""
    new: bool = False

    @property
    def word(self) -> str:
        """Return ``new``, ``changed`` or ``unchanged``."""
        return "new" if self.new else "changed" if self.fields else "unchanged"


def difference(before: Mapping[Identity, Declaration], after: Mapping[Identity, Declaration]) -> tuple[Change, ...]:
    """Compare what is to be with what is, in the order in which kinds refer to each other.

    A default that is written out is no difference. What is only in ``before`` is left alone.
    """
    kinds = list(KINDS)
    return tuple(
        Change(key, after[key], tuple(_fields(before[key], after[key])) if key in before else (), key not in before)
        for key in sorted(after, key=lambda key: (kinds.index(key[0]), key))
    )


def text(changes: tuple[Change, ...]) -> str:
    """Return one line for each definition, one below it for each field that changes, and the sum."""
    lines = []
    for change in changes:
        lines.append(f"{change.word:<11}{named(change.identity)}")
        lines += [f"{'':<13}{each}" for each in change.fields]
    counts = ", ".join(f"{sum(c.word == word for c in changes)} {word}" for word in ("new", "changed", "unchanged"))
    return "\n".join([*lines, counts, ""])


def named(identity: Identity) -> str:
    """Return ``cartridge web``; the tenant too when it is not the default one."""
    kind, tenant, name = identity
    return f"{kind} {name}" + (f" (tenant {tenant})" if tenant != DEFAULT_TENANT else "")


def _fields(before: Declaration, after: Declaration) -> Iterator[FieldChange]:
    """Yield the fields in which two definitions of one id differ."""
    if before != after:
        yield from _compare(_whole(before), _whole(after), ())


def _whole(definition: Declaration) -> dict[str, Any]:
    """Return a definition as a document with every default."""
    return definition.model_dump(mode="json", by_alias=True)


def _compare(before: Any, after: Any, path: Path) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            old, new = before.get(key, ABSENT), after.get(key, ABSENT)
            if is_secret(key, before) or is_secret(key, after):
                yield from _secret(old, new, (*path, key))
            else:
                yield from _compare(old, new, (*path, key))
    elif _objects(before) and _objects(after):
        yield from _lists(before, after, path)
    elif before != after:
        yield FieldChange(json_path(path), _shown(before), _shown(after))


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _lists(before: list[Any], after: list[Any], path: Path) -> Iterator[FieldChange]:
    """Compare two lists of objects, item by item as they are called; then their order."""
    places = matches(before, after)
    for j, i in enumerate(places):
        if i is None:
            yield FieldChange(json_path((*path, j)), NONE, _shown(after[j]))
        else:
            yield from _compare(before[i], after[j], (*path, j))
    for i in sorted(set(range(len(before))) - set(places)):
        yield FieldChange(json_path((*path, i)), _shown(before[i]), NONE)
    kept = [i for i in places if i is not None]
    if kept != sorted(kept):
        yield FieldChange(json_path(path), _order(before, sorted(kept)), _order(before, kept))


def _order(items: list[Any], places: list[int]) -> str:
    return _shown([label(items[i]) for i in places])


def _secret(before: Any, after: Any, path: Path) -> Iterator[FieldChange]:
    """Tell that a secret is different, not what it is."""
    if before != after:
        old, new = ("***" if each and each is not ABSENT else _shown(each) for each in (before, after))
        yield FieldChange(json_path(path), old, new)


def _shown(value: Any) -> str:
    """Return a value as JSON, cut, without what is empty in it."""
    if value is ABSENT or value is None:
        return NONE
    said = json.dumps(_filled(mask(value)), ensure_ascii=False)
    return said if len(said) <= LONGEST else said[: LONGEST - 3] + "..."


def _filled(value: Any) -> Any:
    """Return a value without empty fields; whole numbers without a fraction."""
    if isinstance(value, dict):
        return {key: _filled(each) for key, each in value.items() if each not in (None, "", [], {})}
    if isinstance(value, list):
        return [_filled(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
