"""The partitions that a process owns, and what it opened for each: opened beside each other, given up together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Generic, TypeVar

import structlog

T = TypeVar("T")

RETRY_S = 1.0
"""Pause before a partition that could not be opened is tried again."""

log = structlog.get_logger()


class Shards(Generic[T]):
    """Opens something for each partition that is assigned, and closes it when the partition goes.

    ``opening`` is tried again until it succeeds. Faust gives up everything at the beginning of a rebalance and
    assigns anew at its end, so :meth:`release` knows no single partition.
    """

    def __init__(self, opening: Callable[[int], Awaitable[T]], closing: Callable[[T], Awaitable[None]]) -> None:
        self._open = opening
        self._close = closing
        self._tasks: dict[int, asyncio.Task[T]] = {}

    @property
    def partitions(self) -> list[int]:
        """Return the partitions that are owned, open or not."""
        return sorted(self._tasks)

    @property
    def opened(self) -> Mapping[int, T]:
        """Return what is open now, by partition."""
        return {p: task.result() for p, task in self._tasks.items() if _is_open(task)}

    def assign(self, partitions: Iterable[int]) -> None:
        """Begin to own partitions. One that is owned already stays as it is."""
        for partition in sorted(partitions):
            if partition not in self._tasks:
                self._tasks[partition] = asyncio.create_task(self._until_open(partition))

    async def release(self) -> None:
        """Own nothing any more."""
        tasks, self._tasks = list(self._tasks.values()), {}
        await self._end(tasks)

    async def reopen(self, partition: int) -> None:
        """Give one partition up and open it anew, if it is still owned."""
        task = self._tasks.pop(partition, None)
        if task is not None:
            self.assign([partition])
            await self._end([task])

    async def get(self, partition: int) -> T | None:
        """Return what was opened for a partition, once it is; ``None`` when the partition is not owned (any more)."""
        while (task := self._tasks.get(partition)) is not None:
            await asyncio.wait({task})
            if self._tasks.get(partition) is task:
                return task.result()
        return None

    def has(self, partition: int, opened: T) -> bool:
        """Say whether ``opened`` is still what stands for the partition."""
        task = self._tasks.get(partition)
        return task is not None and _is_open(task) and task.result() is opened

    async def _until_open(self, partition: int) -> T:
        """Open a partition, however often it takes."""
        while True:
            try:
                return await self._open(partition)
            except Exception:
                log.exception("cannot open the partition yet", partition=partition)
                await asyncio.sleep(RETRY_S)

    async def _end(self, tasks: Iterable[asyncio.Task[T]]) -> None:
        """Cancel what is opening, close what is open."""
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        opened = [result for result in results if not isinstance(result, BaseException)]
        for error in await asyncio.gather(*(self._close(each) for each in opened), return_exceptions=True):
            if isinstance(error, Exception):
                log.warning("a partition did not close well", error=repr(error))


def _is_open(task: "asyncio.Task[T]") -> bool:
    """Say whether opening has succeeded."""
    return task.done() and not task.cancelled() and task.exception() is None
