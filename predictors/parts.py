"""A predictor's memory: arrays whose last axis is the rows. Rows are taken, joined, stored and brought back.

A *part* is a dataclass whose fields are arrays, parts or tuples of parts; nothing in it belongs to more than one row.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

Part = TypeVar("Part")
Array = NDArray[Any]


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """One array as it is stored."""

    dtype: str
    shape: tuple[int, ...]
    raw: bytes


def take(part: Part, chosen: Array) -> Part:
    """Return the part with the chosen rows only, in that order (``chosen``: int64[k] or bool[m])."""
    return _mapped(part, lambda array: np.ascontiguousarray(array[..., chosen]))


def join(first: Part, second: Part) -> Part:
    """Return the part with the rows of both, the second's after the first's.

    Raises
    ------
    ValueError
        If the two were not made for the same longest horizon (see ``Predictor.new``).
    """
    others = dict(_walk(second, ""))
    return _named(part=first, change=lambda name, array: np.concatenate([array, others[name]], axis=-1))


def arrays(part: object) -> dict[str, Array]:
    """Return every array of the part by its dotted name."""
    return dict(_walk(part, ""))


def size_bytes(part: object) -> int:
    """Return how much memory the part takes (bytes)."""
    return sum(array.nbytes for array in arrays(part).values())


def dump(part: object) -> bytes:
    """Return the part as msgpack: a map of dotted name to [dtype, shape, bytes], little-endian."""
    stored = {
        name: Stored(
            array.dtype.newbyteorder("<").str, array.shape, array.astype(array.dtype.newbyteorder("<")).tobytes()
        )
        for name, array in _walk(part, "")
    }
    return msgspec.msgpack.encode(stored)


def stored(raw: bytes) -> dict[str, Array]:
    """Return the arrays of what :func:`dump` gave.

    Raises
    ------
    ValueError
        If it is something else.
    """
    try:
        found = msgspec.msgpack.decode(raw, type=dict[str, Stored])
        return {name: np.frombuffer(each.raw, each.dtype).reshape(each.shape).copy() for name, each in found.items()}
    except (msgspec.DecodeError, TypeError) as error:
        raise ValueError(f"not a stored state: {error}") from error


def fill(part: Part, found: Mapping[str, Array]) -> Part:
    """Return the part with its arrays replaced by those found under their names.

    Raises
    ------
    ValueError
        If one is missing or of another type or shape: it was stored by another version.
    """

    def replaced(name: str, array: Array) -> Array:
        other = found.get(name)
        if other is None or (other.dtype, other.shape) != (array.dtype, array.shape):
            what = "nothing" if other is None else f"{other.dtype}{other.shape}"
            raise ValueError(f"{name}: need {array.dtype}{array.shape}, got {what}")
        return other

    return _named(part, replaced)


def _mapped(part: Part, change: Callable[[Array], Array]) -> Part:
    """Return the part with each array changed."""
    return _named(part, lambda _, array: change(array))


def _named(part: Part, change: Callable[[str, Array], Array], prefix: str = "") -> Part:
    """Return the part with each array changed, knowing its dotted name."""

    def changed(name: str, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return change(name, value)
        if isinstance(value, tuple):
            return tuple(changed(f"{name}.{i}", each) for i, each in enumerate(value))
        return _named(value, change, f"{name}.")

    names = [field.name for field in fields(part)]  # type: ignore[arg-type]
    values = {name: changed(prefix + name, getattr(part, name)) for name in names}
    return replace(part, **values)  # type: ignore[type-var]


def _walk(part: Any, prefix: str) -> Iterator[tuple[str, Array]]:
    """Yield every array with its dotted name."""
    if isinstance(part, np.ndarray):
        yield prefix.removesuffix("."), part
    elif isinstance(part, tuple):
        for i, each in enumerate(part):
            yield from _walk(each, f"{prefix}{i}.")
    else:
        for f in fields(part):
            yield from _walk(getattr(part, f.name), f"{prefix}{f.name}.")
