"""What was freed goes back to the system."""

import ctypes

import psutil
import pytest

from streams import heap

PIECE, PIECES = 64 * 1024, 1000


@pytest.fixture(autouse=True)
def _found_anew() -> None:
    heap._library.cache_clear()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc")
def test_what_was_freed_goes_back_although_something_above_it_is_kept() -> None:
    process = psutil.Process()
    pieces = [bytearray(b"x") * PIECE for _ in range(PIECES)]
    above = [bytearray(b"x") * PIECE for _ in range(8)]
    pieces.clear()
    before = process.memory_info().rss

    heap.give_back()

    assert before - process.memory_info().rss > PIECE * PIECES // 2
    assert all(each[-1] == ord("x") for each in above)


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    heap.keep_free()
    heap.give_back()
    monkeypatch.undo()
    heap._library.cache_clear()
