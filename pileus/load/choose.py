"""Chooses the load that an operator named: a shape or a file."""

from pathlib import Path

from pileus.load.load import Load, LoadError
from pileus.load.shapes import PERIOD_S, SHAPES, generated


def choose(
    what: str,
    *,
    column: str | None = None,
    start: float | None = None,
    end: float | None = None,
    speed: float = 1.0,
    period_s: float = PERIOD_S,
) -> Load:
    """Return the generated load ``what``, or the recording in the file ``what``.

    ``column``, ``start`` and ``end`` are for recordings alone, ``period_s`` is for shapes alone.

    Raises
    ------
    LoadError
        If it is neither, or cannot be used.
    """
    if what in SHAPES:
        if column is not None or start is not None or end is not None:
            raise LoadError(f"'{what}' is generated: a column, a start or an end is for recordings")
        return generated(what, period_s=period_s, speed=speed)
    path = Path(what)
    if not path.is_file():
        raise LoadError(f"no file '{what}', and no generated load of that name: there are {', '.join(SHAPES)}")
    from pileus.load.recorded import read  # noqa: PLC0415 - only recordings need its libraries

    return read(path, column=column, start=start, end=end, speed=speed)
