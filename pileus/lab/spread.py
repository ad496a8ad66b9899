"""Spreads work over the cores, with a bar on a terminal. The results come in the order of the work."""

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TextIO, TypeVar

W = TypeVar("W")
R = TypeVar("R")
MOST = 64
"""Processes at most."""
WIDTH = 30


class Bar:
    """A progress bar; silent where nobody looks."""

    def __init__(self, what: str, total: int, out: TextIO | None = None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._out = sys.stderr if out is None else out
        self._shown = total > 1 and self._out.isatty()
        self._draw()

    def step(self) -> None:
        """Count one thing done."""
        self._done += 1
        self._draw()

    def _draw(self) -> None:
        if not self._shown:
            return
        full = round(WIDTH * self._done / self._total)
        end = "\n" if self._done == self._total else ""
        self._out.write(f"\r{self._what} [{'#' * full}{'.' * (WIDTH - full)}] {self._done}/{self._total}{end}")
        self._out.flush()


def cores() -> int:
    """Return how many processes may run at once."""
    return min(MOST, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def spread(work: Callable[[W], R], items: Sequence[W], *, what: str, jobs: int | None = None) -> list[R]:
    """Do ``work`` on every item, in as many processes as there are cores (or ``jobs``), and return the results.

    An item that fails ends it all: what has not begun is left undone, and the error is raised.
    """
    bar = Bar(what, len(items))
    workers = min(jobs or cores(), len(items))
    if workers <= 1:
        return [_told(work(item), bar) for item in items]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures: list[Future[R]] = [pool.submit(work, item) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
                bar.step()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]


def _told(result: R, bar: Bar) -> R:
    bar.step()
    return result
