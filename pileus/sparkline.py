"""Small charts of text: one character for each value."""

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-=+*%#"


def sparkline(values: Sequence[float | None], *, unicode: bool = True) -> str:
    """Draw ``values`` (>= 0) from 0 to the greatest of them; an unknown one is a space."""
    levels = BLOCKS if unicode else ASCII
    top = max((v for v in values if v is not None), default=0.0)
    return "".join(" " if v is None else levels[_level(v, top, len(levels))] for v in values)


def _level(value: float, top: float, levels: int) -> int:
    """Return the level of ``value``, 0 for nothing and ``levels - 1`` for ``top``."""
    return round(value / top * (levels - 1)) if top > 0.0 else 0
