"""What is freed is kept for what comes next, and given back to the system once a tick: a fresh page is not for free."""

import ctypes
from contextlib import suppress
from functools import cache
from typing import Any

TRIM_THRESHOLD, KEPT_BYTES = -1, 16 * 1024 * 1024
"""mallopt(3): so much that is free may stand at the heap's end."""
MMAP_THRESHOLD, LENT_BYTES = -3, 2 * 1024 * 1024
"""mallopt(3): an array of this size or more goes back at once. Left to itself glibc keeps up to 32 MB of each."""


def keep_free() -> None:
    """Have the C library keep what is freed, within bounds; elsewhere than on glibc it does as it likes."""
    with suppress(AttributeError, OSError, TypeError):
        for option, size in ((TRIM_THRESHOLD, KEPT_BYTES), (MMAP_THRESHOLD, LENT_BYTES)):
            _library().mallopt(option, size)


def give_back() -> None:
    """Return the free pages of the heap to the system, where the C library can."""
    with suppress(AttributeError, OSError, TypeError):
        _library().malloc_trim(0)


@cache
def _library() -> Any:
    """Return the C library that this process runs on."""
    return ctypes.CDLL(None)
