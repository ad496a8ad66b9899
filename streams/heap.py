"""What was freed and is not used goes back to the system."""

import ctypes
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Return free pages of the heap to the system, where the C library can: glibc by itself keeps what a tick freed."""
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    """Find the C library's function; elsewhere than on glibc there is nothing to do."""
    try:
        found: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return lambda _: None
    return found
