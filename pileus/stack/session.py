"""One session of ``pileus run``: the stack comes up, the client drives it, the view shows it, a report is left."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Coroutine
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from config.catalogue import Catalogue
from config.settings import Settings
from pileus.load.result import Result, Second
from pileus.report import report
from pileus.stack import given
from pileus.stack.drive import drive
from pileus.stack.ending import summary
from pileus.stack.local import LocalStack, StackError
from pileus.stack.record import Recorder
from pileus.stack.watch import Watch
from pileus.view import State, View

EVERY_S = 0.5
SETTLE_S = 1.5
"""For the last records to arrive before the report (s)."""


@dataclass
class Session:
    """What the tasks of a session share."""

    stack: LocalStack
    watch: Watch
    view: View | None
    args: Namespace
    began: float
    notes: list[str] = field(default_factory=list)
    second: Second | None = None
    client_began: float | None = None

    def count(self, second: Second) -> None:
        """Note the client's newest counters."""
        self.second = second

    def state(self, at: float) -> State:
        """Return what the view shows."""
        watch, second, change = self.watch, self.second, self.watch.change or self.watch.decision
        elapsed = at - (self.client_began or self.began)
        duration = self.args.duration
        return State(
            elapsed_s=elapsed,
            remaining_s=None if duration is None or self.client_began is None else max(0.0, duration - elapsed),
            load=str(self.args.load),
            dashboard=self.stack.dashboard,
            wanted=watch.decision.wanted if watch.decision else None,
            serving=watch.serving,
            observed=list(watch.observed),
            predicted=watch.predicted,
            horizon_s=watch.forecast.horizon_s if watch.forecast else None,
            sent=second.sent if second else 0,
            answered=second.answered if second else 0,
            failed=second.failed if second else 0,
            p50_s=second.latency_p50_s if second else None,
            p99_s=second.latency_p99_s if second else None,
            decision=f"{_clock(change.at)} {change.before} -> {change.wanted}" if change else "",
            why=change.reasons[-1].said if change else "",
            note=self.notes[-1] if self.notes else "",
        )


def run(args: Namespace) -> int:
    """Run a session and return the exit code.

    Raises
    ------
    given.Usage
        An option cannot be used; nothing was started.
    """
    catalogue, settings = given.definitions(args.application), given.settings(args.settings, args.broker)
    given.try_load(args)
    directory = args.state or Path(tempfile.mkdtemp(prefix="pileus-"))
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return asyncio.run(_run(args, catalogue, settings, directory.resolve()))
    finally:
        if args.state is None:
            shutil.rmtree(directory, ignore_errors=True)


async def _run(args: Namespace, catalogue: Catalogue, settings: Settings, directory: Path) -> int:
    """Bring the stack up, drive it, take it down."""
    notes: list[str] = []
    stack = LocalStack(directory, settings, catalogue, notes.append, own_broker=args.broker is None)
    watch = Watch(stack.cluster.cluster, since=time.time())  # noqa: TID251 - a shell
    view = (
        None if args.no_view else View(sys.stdout, width=lambda: shutil.get_terminal_size().columns, environ=os.environ)
    )
    session = Session(stack, watch, view, args, began=time.time(), notes=notes)  # noqa: TID251 - a shell
    asked = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(sign, asked.set)
    showing = asyncio.create_task(_show(session))
    result: Result | None = None
    failure = ""
    try:
        if await _unless(asked, stack.start()):
            result = await _recorded(session, asked)
    except StackError as error:
        failure = str(error)
    finally:
        notes.append("stopping")
        left = await stack.stop()
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
    return _end(session, result, failure, left)


async def _recorded(session: Session, asked: asyncio.Event) -> Result | None:
    """Drive the stack, and keep what the topics say meanwhile."""
    settings = session.stack.settings
    with session.args.record.open("wb") if session.args.record else nullcontext() as out:
        followers = [session.watch.follower(settings.broker, settings.partitions)]
        if out is not None:
            followers.append(Recorder(out, settings).follower())
        for follower in followers:
            await follower.start()
        try:
            session.client_began = time.time()  # noqa: TID251 - a shell
            session.notes.append("")
            result = await drive(session.stack, session.args, asked=asked, tell=session.count)
            await asyncio.sleep(SETTLE_S)
        finally:
            for follower in followers:
                await follower.stop()
    return result


async def _unless(asked: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do some work, and give it up when the end is asked for. True when it was done."""
    doing = asyncio.create_task(work)
    waiting = asyncio.create_task(asked.wait())
    await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if doing.done():
        doing.result()
        return True
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)
    return False


async def _show(session: Session) -> None:
    """Draw the view until cancelled."""
    while session.view is not None:
        session.view.show(session.state(time.time()))  # noqa: TID251 - a shell
        await asyncio.sleep(EVERY_S)


def _end(session: Session, result: Result | None, failure: str, left: list[str]) -> int:
    """Say how it ended, write the report, and return the exit code."""
    if session.view is not None:
        session.view.release()
    if failure:
        sys.stderr.write(f"pileus run: {failure}\n")
    if left:
        sys.stderr.write(f"pileus run: could not be ended: {', '.join(left)}\n")
    if result is None:
        return 1 if failure or left else 0
    made = report(result, session.watch.written, cluster=session.watch.cluster)
    if session.args.report is not None:
        session.args.report.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    sys.stdout.write(summary(made) + "\n")
    return 1 if failure or left or made.requests.failed else 0


def _width() -> int:
    """Return the columns of the terminal."""
    return shutil.get_terminal_size().columns


def _clock(at: float) -> str:
    """Return a time of day."""
    return time.strftime("%H:%M:%S", time.localtime(at))
