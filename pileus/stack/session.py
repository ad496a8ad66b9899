"""One session of ``pileus run``: the stack comes up, the client drives it, the view shows it, a report is left."""

import asyncio
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Coroutine
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from config.catalogue import Catalogue
from config.cluster import ClusterSpec
from config.settings import Settings
from pileus.balancers import EXTERNAL
from pileus.lives import Change, Lives
from pileus.load.result import Result, Second
from pileus.report import report
from pileus.stack import given, shown
from pileus.stack.drive import drive
from pileus.stack.ending import summary
from pileus.stack.front import front
from pileus.stack.local import LocalStack, StackError
from pileus.stack.record import Recorder
from pileus.stack.undeploy import in_order
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
    disorder: str = ""
    """What did not end in order, and why."""

    def awaited(self) -> list[str]:
        """Say what has to come before the first answer."""
        return shown.awaited(self.watch.lives, self.stack.applications, self.stack.cluster)

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
            broker=self.stack.settings.broker,
            clusters=shown.clusters(watch.lives, self.stack.applications),
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
    catalogue = given.definitions(args.application, cloud=args.cloud, image=args.image)
    settings = given.settings(args.settings, args.broker)
    settings = msgspec.structs.replace(settings, agents=args.agents or settings.agents)
    cluster = front(catalogue.applications(), args.cluster)
    given.try_load(args)
    if bool(args.program) != (args.balancer == EXTERNAL):
        raise given.Usage("--program: with --balancer external, and only with it")
    settings = msgspec.structs.replace(settings, docker_host=given.engine(args, catalogue, os.environ))
    directory = args.state or Path(tempfile.mkdtemp(prefix="pileus-"))
    try:
        return asyncio.run(_run(args, catalogue, cluster, settings, directory.resolve()))
    finally:
        if args.state is None:
            shutil.rmtree(directory, ignore_errors=True)


async def _run(args: Namespace, catalogue: Catalogue, cluster: ClusterSpec, settings: Settings, directory: Path) -> int:
    """Bring the stack up, drive it, take it down."""
    asked = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(sign, asked.set)
    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    notes: list[str] = []
    stack = LocalStack(
        directory,
        settings,
        catalogue,
        cluster,
        notes.append,
        own_broker=args.broker is None,
        balancer=args.balancer,
        program=tuple(shlex.split(args.program or "")),
        workers=args.workers,
    )
    watch = Watch(cluster.cluster, since=time.time(), lives=Lives(_teller(stack) if args.no_view else _nobody))  # noqa: TID251 - a shell
    view = (
        None if args.no_view else View(sys.stdout, width=lambda: shutil.get_terminal_size().columns, environ=os.environ)
    )
    session = Session(stack, watch, view, args, began=time.time(), notes=notes)  # noqa: TID251 - a shell
    showing = asyncio.create_task(_show(session))
    result: Result | None = None
    failure = ""
    try:
        if await _unless(asked, stack.start()):
            result = await _followed(session, asked)
    except StackError as error:
        failure = str(error)
    finally:
        notes.append("stopping")
        left = await stack.stop()
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
    return _end(session, result, failure, left)


async def _followed(session: Session, asked: asyncio.Event) -> Result | None:
    """Drive the stack once it answers, end its applications in order, and see what the topics say meanwhile."""
    stack, watch = session.stack, session.watch
    follower = watch.follower(stack.settings.broker, stack.settings.partitions)
    try:
        result = await _recorded(session, asked) if await _unless(asked, follower.start()) else None
        session.disorder = await in_order(stack, watch.lives, asked=asked)
    finally:
        await follower.stop()
    return result


async def _recorded(session: Session, asked: asyncio.Event) -> Result | None:
    """Drive the stack once it answers, and record that.

    The ordered end is not recorded: a replay goes by the definitions that are in force at the recording's end.
    """
    stack = session.stack
    with session.args.record.open("wb") if session.args.record else nullcontext() as out:
        recorder = None if out is None else Recorder(out, stack.settings).follower()
        try:
            if recorder is not None and not await _unless(asked, recorder.start()):
                return None
            if not await _unless(asked, stack.answers(session.awaited)):
                return None
            session.client_began = time.time()  # noqa: TID251 - a shell
            session.notes.append("")
            result = await drive(stack, session.args, asked=asked, tell=session.count)
            await asyncio.sleep(SETTLE_S)
            return result
        finally:
            if recorder is not None:
                await recorder.stop()


def _teller(stack: LocalStack) -> Callable[[Change], None]:
    """Return what writes where all is, and then a line for each change that is worth it."""
    where = f"broker {stack.settings.broker}, dashboard {stack.dashboard}, requests to {stack.front}"
    _say(f"{_clock(time.time())} {where}")  # noqa: TID251 - a shell

    def tell(change: Change) -> None:
        if shown.worth_telling(change, stack.applications):
            _say(f"{_clock(change.at)} {change.said()}")

    return tell


def _nobody(_: Change) -> None:
    """Tell nobody: the view shows it."""


def _say(line: str) -> None:
    """Write a line; that nobody reads it ends nothing."""
    with suppress(OSError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


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
    if session.disorder:
        sys.stderr.write(f"pileus run: {session.disorder}\n")
    if left:
        sys.stderr.write(f"pileus run: could not be ended: {', '.join(left)}\n")
    if result is None:
        return 1 if failure or left else 0
    of = session.stack.cluster
    made = report(result, session.watch.written, cluster=of.cluster, application=(of.tenant, of.application))
    if session.args.report is not None:
        session.args.report.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    sys.stdout.write(summary(made) + "\n")
    return 1 if failure or left or made.requests.failed else 0


def _clock(at: float) -> str:
    """Return a time of day."""
    return time.strftime("%H:%M:%S", time.localtime(at))
