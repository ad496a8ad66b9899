"""Show how applications stand: the tree of groups, clusters and members, what serves, what waits for what.

Members that serve are only counted; --members lists them all (as -o json does), --no-members none.
--watch goes on until Ctrl-C: in place on a terminal, elsewhere a line for each change (with -o json a document).
--wait waits until every application that is shown is Active, S seconds at most.

Exit code: 0 shown (with --wait: Active); 1 no such application, no broker, or not Active in time; 2 wrong usage.
"""

import asyncio
import json
import math
import os
import shutil
import signal
import sys
import time
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pileus.options import add_settings, positive, settings_of

if TYPE_CHECKING:
    from aiokafka.structs import ConsumerRecord

    from config.settings import Settings
    from pileus.status import Detail, Known, Standing
    from pileus.view import Look
    from streams.follow import Follower
    from streams.lag import Lag

WITHIN_S = 20.0
"""How long reading the topics may take."""
EVERY_S = 1.0
"""How often --watch and --wait look."""
ANSWER_S = 2.0
"""How long the broker may take to answer."""
UNBOUNDED = 1_000_000
"""Columns where no terminal bounds them."""
INTERRUPTED = 130
NO_DOUBT = "the broker answers, and every record can be read"
"""Told when it is so again."""


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("application", metavar="APPLICATION", nargs="?", help="only this one (default: all)")
    parser.add_argument("--tenant", metavar="T", help="only this tenant's (default: every tenant's)")
    parser.add_argument("--watch", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("--wait", type=positive, metavar="S", help="wait until all are Active, S seconds at most")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: %(default)s")
    parser.add_argument(
        "--members", action=BooleanOptionalAction, help="all members, or none (default: those that do not serve)"
    )
    add_settings(parser)


def main(args: Namespace) -> int:
    """Show it; return the exit code."""
    import logging

    from kafka.errors import KafkaError

    from pileus.stack.logs import log_to_stderr
    from streams.admin import TopicError

    log_to_stderr(logging.ERROR)
    settings = settings_of(args)
    broker = settings.broker
    if not _answers(broker):
        return _failed(f"no Kafka answers at {broker}")
    try:
        return asyncio.run(_run(args, settings))
    except TimeoutError:
        return _failed(f"the topics at {broker} were not read to their end within {WITHIN_S:g} s")
    except BrokenPipeError:  # nobody reads any more: not even what Python writes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KafkaError, TopicError, OSError) as error:
        return _failed(f"the topics at {broker} cannot be read: {error}")
    except KeyboardInterrupt:
        return 0 if args.watch else INTERRUPTED


async def _run(args: Namespace, settings: "Settings") -> int:
    """Read what there is, show it, and stay with it if that is asked for."""
    from pileus.status import Known

    source = _Source(Known(), settings.broker, settings.max_lag_s)
    follower = source.follower()
    try:
        async with asyncio.timeout(WITHIN_S):
            await follower.start()
            await follower.caught_up()
            await source.hear()
        if args.application and not source.shown(args):
            return _failed(_unknown(args, source.known))
        if args.watch or args.wait:
            return await _stay(args, source)
        shown = source.shown(args)
        _Screen(args).show(shown, source.note(args, shown), source.lag)
        return 0
    finally:
        with suppress(asyncio.CancelledError):  # aiokafka lets that of a fetch out when it closes without a broker
            await follower.stop()


async def _stay(args: Namespace, source: "_Source") -> int:
    """Look again and again, until it is enough."""
    clock, asked = asyncio.get_running_loop().time, asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, asked.set)
    until = clock() + args.wait if args.wait else math.inf
    screen = _Screen(args)
    while True:
        shown = source.shown(args)
        left_s = until - clock()
        done = asked.is_set() or left_s <= 0 or (args.wait and (_active(shown) or _gone(args, shown)))
        if args.watch or done:
            screen.show(shown, source.note(args, shown))
        if done:
            return _end(args, shown, stopped=asked.is_set())
        await _pause(asked, min(EVERY_S, left_s))
        if not asked.is_set():
            await source.look()


async def _pause(asked: asyncio.Event, seconds: float) -> None:
    """Wait, or until the end is asked for."""
    try:
        await asyncio.wait_for(asked.wait(), seconds)
    except TimeoutError:
        return


def _end(args: Namespace, shown: "Sequence[Standing]", *, stopped: bool) -> int:
    """Return the exit code of --watch and --wait, and say why an application is not Active."""
    from pileus.status_text import because

    if args.wait is None or _active(shown):
        return 0
    if stopped and args.watch:
        return 0
    if _gone(args, shown):
        return _failed(f"application {args.application} is gone")
    causes = [f"\n  {each.application}: {line}" for each in shown for line in because(each, now=time.time())]
    when = "when it was interrupted" if stopped else f"within {args.wait:g} s"
    return _failed(f"not Active {when}:{''.join(causes) or ' no application'}")


def _active(shown: "Sequence[Standing]") -> bool:
    """Say whether there are applications, and all are Active."""
    from streams.records.instance import Phase

    return bool(shown) and all(each.phase is Phase.ACTIVE for each in shown)


def _gone(args: Namespace, shown: "Sequence[Standing]") -> bool:
    """Say whether the application that was named, and known, is no more."""
    return args.application is not None and not shown


def _unknown(args: Namespace, known: "Known") -> str:
    """Say that there is no such application, and which was probably meant."""
    from config.errors import did_you_mean

    near = did_you_mean(
        args.application, {each.application for each in known.standings(tenant=args.tenant, now=time.time())}
    )
    whose = f" of tenant {args.tenant}" if args.tenant else ""
    return f"no application {args.application}{whose}{near and f', {near}'}"


def _answers(broker: str) -> bool:
    """Return whether one of the brokers answers."""
    from pileus.stack.broker import answers

    return any(answers(each.strip(), timeout_s=ANSWER_S) for each in broker.split(","))


def _failed(why: str) -> int:
    sys.stderr.write(f"pileus status: {why}\n")
    return 1


# --- where it comes from ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Source:
    """The topics, and whether the broker still answers."""

    known: "Known"
    broker: str
    most_s: float
    """How long a sample may wait for a worker."""
    lag: "Sequence[Lag]" = ()
    partitions: int = 0
    unread: int = 0
    """Records that cannot be read: they are passed over."""
    away: float | None = None
    """Since when the broker does not answer (s since the Unix epoch)."""

    def follower(self) -> "Follower":
        """Return what feeds this.

        Raises
        ------
        TopicError
            A topic is missing.
        """
        from streams.admin import TopicError, list_topics
        from streams.follow import Follower
        from streams.topics import CONTROL, DEFINITIONS, INSTANCES, MEMBERS, SAMPLES

        takes = {
            DEFINITIONS.name: self._definition,
            INSTANCES.name: self._instance,
            MEMBERS.name: self._member,
            CONTROL.name: self._order,
        }
        found = {each.topic.name: each.found or 0 for each in list_topics(self.broker, partitions=1)}
        self.partitions = found[SAMPLES.name]
        if missing := [name for name in takes if not found[name]]:
            raise TopicError(f"no topic {' and no '.join(missing)}, see 'pileus topics create'")
        return Follower(
            self.broker, {(name, p): self._taking(take) for name, take in takes.items() for p in range(found[name])}
        )

    def shown(self, args: Namespace) -> "tuple[Standing, ...]":
        """Return how the applications stand that are asked for."""
        return self.known.standings(tenant=args.tenant, application=args.application, now=time.time())

    async def look(self) -> None:
        """Ask the broker whether it is there."""
        if await asyncio.to_thread(_answers, self.broker):
            self.away = None
            await self.hear()
        elif self.away is None:
            self.away = time.time()

    async def hear(self) -> None:
        """Read what waits for a worker, and what shadows want; what cannot be read now is not known."""
        from pileus.decisions import DecisionsError, read_since
        from pileus.waiting import waiting
        from streams.topics import SHADOW

        self.lag = await waiting(self.broker, self.partitions)
        if not (clusters := [spec for spec, _ in self.known.shadowed()]):
            return
        with suppress(DecisionsError):
            found = await asyncio.to_thread(read_since, self.broker, SHADOW, clusters, since=time.time())
            self.known.aside = {name: decisions[-1] for name, decisions in found.items()}

    def note(self, args: Namespace, shown: "Sequence[Standing]") -> str:
        """Say what makes doubtful what is shown."""
        from pileus.waiting import note

        since = "" if self.away is None else time.strftime("%H:%M:%SZ", time.gmtime(self.away))
        notes = [
            since and f"{self.broker} does not answer since {since}: this is what was known then",
            self.unread and f"{self.unread} {'record' if self.unread == 1 else 'records'} cannot be read",
            note(self.lag, most_s=self.most_s),
            _gone(args, shown) and f"application {args.application} is gone",
        ]
        return "; ".join(str(each) for each in notes if each)

    def _taking(self, take: "Callable[[ConsumerRecord], None]") -> "Callable[[ConsumerRecord], None]":
        """Return a handler that counts what cannot be read."""
        from streams.records.record import UNREADABLE

        def handler(message: "ConsumerRecord") -> None:
            try:
                take(message)
            except UNREADABLE:
                self.unread += 1

        return handler

    def _definition(self, message: "ConsumerRecord") -> None:
        self.known.declare((message.key or b"").decode(), message.timestamp / 1000.0 if message.value else None)

    def _instance(self, message: "ConsumerRecord") -> None:
        from streams.records.instance import INSTANCES

        self.known.instance(message.key or b"", INSTANCES.decode(message.value) if message.value else None)

    def _member(self, message: "ConsumerRecord") -> None:
        from streams.records.member import MEMBERS

        if message.value:
            record = MEMBERS.decode(message.value)
            self.known.roster.apply(record, partition=message.partition, offset=message.offset)

    def _order(self, message: "ConsumerRecord") -> None:
        from streams.records.control import CONTROL

        if message.value:
            self.known.orders.take(CONTROL.decode(message.value))
        else:
            self.known.orders.forget((message.key or b"").decode())


# --- where it goes ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Screen:
    """Standard output: a page; in place on a terminal, elsewhere what changed."""

    args: Namespace
    _rows: int = 0
    """Of the last page on the terminal."""
    _told: dict[str, str] = field(default_factory=lambda: {"note": NO_DOUBT})
    _document: str = ""

    def show(self, shown: "Sequence[Standing]", note: str, lag: "Sequence[Lag]" = ()) -> None:
        """Show how applications stand; a document has the lag too, but with --watch: it changes all the time.

        Raises
        ------
        BrokenPipeError
            Nobody reads any more.
        """
        if self.args.output == "json":
            self._write(self._json(shown, note, lag))
        elif not self.args.watch:
            self._write("\n".join([*self._page(shown, note), ""]))
        elif self._tty:
            self._write(self._drawing(self._page(shown, note)))
        else:
            self._write(self._news(shown, note))

    @property
    def _tty(self) -> bool:
        """Say whether a page can be drawn in place."""
        return sys.stdout.isatty() and os.environ.get("TERM", "") != "dumb"

    def _write(self, said: str) -> None:
        """Write what the stream's encoding has characters for."""
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(said.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()

    def _page(self, shown: "Sequence[Standing]", note: str) -> list[str]:
        """Return the trees as the terminal can show them."""
        from pileus.status_text import text

        return text(shown, now=time.time(), detail=_detail(self.args), look=self._look(), note=note)

    def _look(self) -> "Look":
        """Return what the stream can show."""
        from pileus.view import Look

        return Look(
            width=shutil.get_terminal_size().columns if self._tty else UNBOUNDED,
            colour=self._tty and not os.environ.get("NO_COLOR"),
            unicode="utf" in (sys.stdout.encoding or "").lower(),
        )

    def _drawing(self, lines: Sequence[str]) -> str:
        """Return what draws over the last page; what the terminal has no rows for is left out."""
        from pileus.status_text import within

        fitting = within(lines, shutil.get_terminal_size().lines - 1, self._look())
        up = f"\x1b[{self._rows}F" if self._rows else ""
        self._rows = len(fitting)
        return "".join([up, "\x1b[J", *(f"{line}\n" for line in fitting)])

    def _news(self, shown: "Sequence[Standing]", note: str) -> str:
        """Return a line for each thing that changed, with the time."""
        from pileus.status_text import facts, news

        told = facts(shown, detail=_detail(self.args)) | {"note": note or NO_DOUBT}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        lines, self._told = news(self._told, told), told
        return "".join(f"{now}  {line}\n" for line in lines)

    def _json(self, shown: "Sequence[Standing]", note: str, lag: "Sequence[Lag]") -> str:
        """Return a document; with --watch on one line, and only when it changed."""
        from pileus import waiting
        from pileus.status import document

        whole = document(shown, detail=_detail(self.args)) | {"note": note}
        if not self.args.watch:
            return json.dumps(whole | {"lag": waiting.document(lag)}, indent=2) + "\n"
        before, self._document = self._document, json.dumps(whole)
        return "" if self._document == before else f"{self._document}\n"


def _detail(args: Namespace) -> "Detail":
    """Return which members are asked for; JSON has them all unless they are not wanted."""
    from pileus.status import Detail

    if args.members is None and args.output == "text":
        return Detail.NOTABLE
    return Detail.NONE if args.members is False else Detail.ALL
