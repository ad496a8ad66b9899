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
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import msgspec

from config.catalogue import Catalogue, load
from config.errors import ConfigError
from config.settings import Settings, load_settings
from pileus.load.choose import choose
from pileus.load.load import LoadError
from pileus.load.recorded import moment
from pileus.load.result import RESULT, SECOND, Result, Second
from pileus.report import Report, report
from pileus.stack.local import LocalStack, StackError
from pileus.stack.record import Recorder
from pileus.stack.watch import Watch
from pileus.view import State, View

SERVICE_S = 0.25
"""How long the sample application takes for a request (s)."""
PER_CORE = 80.0
"""Requests per second and core that this machine serves beside everything else of the stack."""
SHARE = 0.7
"""The load's peak takes this share of the largest cluster."""
EVERY_S = 0.5
SETTLE_S = 1.5
"""For the last records to arrive before the report (s)."""


class Usage(Exception):  # noqa: N818 - wrong usage, told in one line
    """An option cannot be used; the message says which and why."""


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
    Usage
        An option cannot be used; nothing was started.
    """
    catalogue, settings = _definitions(args.application), _settings(args.settings, args.broker)
    _try_load(args)
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
    for sign in (signal.SIGINT, signal.SIGTERM):
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
            result = await _drive(session, asked)
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


async def _drive(session: Session, asked: asyncio.Event) -> Result | None:
    """Let the client send until it ends or the end is asked for; return its result."""
    out = session.stack.directory / "client.json"
    command = [sys.executable, "-m", "pileus.load.client", "--url", session.stack.front, "--out", str(out)]
    command += _client_words(session.args, session.stack)
    with (session.stack.directory / "client.log").open("wb") as log:
        client = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True
        )
    session.client_began = time.time()  # noqa: TID251 - a shell
    session.notes.append("")
    stopping = asyncio.create_task(_stop_client(client, asked))
    assert client.stdout is not None  # noqa: S101 - it is a pipe
    async for line in client.stdout:
        session.second = SECOND.decode(line)
    await client.wait()
    stopping.cancel()
    return RESULT.decode(out.read_bytes()) if out.exists() else None


async def _stop_client(client: asyncio.subprocess.Process, asked: asyncio.Event) -> None:
    """Pass the wish to end on to the client."""
    await asked.wait()
    with suppress(ProcessLookupError):
        client.terminate()


def _client_words(args: Namespace, stack: LocalStack) -> list[str]:
    """Return the client's options."""
    words = ["--load", str(args.load), "--speed", str(args.speed), "--peak-per-s", str(args.peak or _peak(stack))]
    words += ["--period", str(args.period)]
    for name, value in (("duration", args.duration), ("from", args.start), ("to", args.end), ("column", args.column)):
        if value is not None:
            words += [f"--{name}", str(value)]
    return words


def _peak(stack: LocalStack) -> float:
    """Return the requests per second at the peak: what the largest cluster and this machine can serve."""
    spec = stack.cluster
    per_member = spec.policy.thresholds.get("requests_in_flight", 8.0) / SERVICE_S
    return min(SHARE * spec.max_members * per_member, PER_CORE * (os.cpu_count() or 1))


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
    sys.stdout.write(_summary(made) + "\n")
    return 1 if failure or left or made.requests.failed else 0


def _summary(made: Report) -> str:
    """Return the report in three lines."""
    requests, members = made.requests, made.members
    kinds = ", ".join(f"{n} {kind}" for kind, n in requests.failed_by_kind.items())
    p50, p99 = (
        "?" if each is None else f"{each * 1000:.0f} ms" for each in (requests.latency_p50_s, requests.latency_p99_s)
    )
    return (
        f"requests  {requests.sent} sent, {requests.answered} answered, {requests.failed} failed"
        f"{f' ({kinds})' if kinds else ''}; p50 {p50}, p99 {p99}\n"
        f"members   {members.min} to {members.max}, {members.final} at the end; "
        f"{members.launched} launched, {members.drained} drained, {members.terminated} terminated"
    )


def _definitions(application: Path | None) -> Catalogue:
    """Return the demo's definitions, with another application in place of the demo's when one is named."""
    with as_file(files("config") / "definitions" / "demo") as folder:
        paths = sorted(p for p in folder.glob("*.yaml") if application is None or p.name != "application.yaml")
        try:
            catalogue = load([application] if application and application.is_dir() else [*paths, *_one(application)])
        except ConfigError as error:
            raise Usage(f"--application: {error}") from error
    if not catalogue.clusters():
        raise Usage(f"--application {application}: no application in it")
    return catalogue


def _one(application: Path | None) -> list[Path]:
    """Return the application's file, if one is named."""
    if application is not None and not application.exists():
        raise Usage(f"--application {application}: no such file")
    return [] if application is None else [application]


def _settings(file: Path | None, broker: str | None) -> Settings:
    """Return the settings: the demo's file unless another is named; the environment wins."""
    try:
        with as_file(files("config") / "definitions" / "demo" / "settings.toml") as demo:
            settings = load_settings(file or demo, os.environ)
    except ConfigError as error:
        raise Usage(str(error)) from error
    return msgspec.structs.replace(settings, broker=broker) if broker else settings


def _try_load(args: Namespace) -> None:
    """Refuse a load that cannot be used before anything is started."""
    try:
        start, end = (moment(text) if text else None for text in (args.start, args.end))
        choose(args.load, column=args.column, start=start, end=end, speed=args.speed, period_s=args.period)
    except LoadError as error:
        raise Usage(f"--load: {error}") from error


def _width() -> int:
    """Return the columns of the terminal."""
    return shutil.get_terminal_size().columns


def _clock(at: float) -> str:
    """Return a time of day."""
    return time.strftime("%H:%M:%S", time.localtime(at))
