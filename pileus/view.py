"""The live view in the terminal: a frame that is drawn again in place on a TTY, plain lines elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from pileus.sparkline import sparkline

LABEL = 11
"""Columns of the label before each row."""
CHART = 24
"""Columns of the chart at most."""
MOST_BOXES = 20
LINE_EVERY_S = 10.0
"""Without a TTY: a line at each change, and this often without one (s)."""
UNKNOWN = "?"


MOST_CLUSTERS = 12
"""Rows of clusters at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """How one cluster of an application stands."""

    name: str
    phase: str
    """``waits``, ``starts``, ``Active`` ..."""
    wanted: int
    serving: int
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a run shows at one moment. ``None`` is unknown."""

    elapsed_s: float
    remaining_s: float | None = None
    """``None``: until Ctrl-C."""
    load: str = ""
    dashboard: str = ""
    """Its address."""
    broker: str = ""
    """Its address: where ``pileus apply`` and ``pileus status`` find what runs."""
    clusters: Sequence[Cluster] = ()
    """Of a composite application, in start-up order; none for a single cluster."""
    wanted: int | None = None
    serving: int | None = None
    observed: Sequence[float | None] = ()
    """Requests in flight of the last seconds, the newest last."""
    predicted: float | None = None
    horizon_s: float | None = None
    """How far ahead ``predicted`` is (s)."""
    sent: int = 0
    answered: int = 0
    failed: int = 0
    p50_s: float | None = None
    p99_s: float | None = None
    decision: str = ""
    """The last one, such as ``12:03:04 3 -> 4``."""
    why: str = ""
    note: str = ""
    """What is going on, such as ``starting the broker``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the terminal can show."""

    width: int = 80
    colour: bool = False
    unicode: bool = True


class View:
    """Shows one state after another on a stream."""

    def __init__(self, out: TextIO, *, width: Callable[[], int], environ: Mapping[str, str]) -> None:
        self._out = out
        self._width = width
        self._tty = out.isatty() and environ.get("TERM", "") != "dumb"
        self._colour = self._tty and not environ.get("NO_COLOR")
        self._unicode = "utf" in (out.encoding or "").lower()
        self._rows = 0
        self._told = False
        self._shown: tuple[object, ...] = ()
        self._shown_s = 0.0

    def show(self, state: State) -> None:
        """Draw the frame in place of the last one; without a TTY write a line when something changed.

        Raises
        ------
        OSError
            If nobody reads the stream any more.
        """
        if self._tty:
            self._draw(frame(state, look=Look(width=self._width(), colour=self._colour, unicode=self._unicode)))
        elif self._is_news(state):
            self._tell_broker(state)
            self._out.write(line(state) + "\n")
        self._out.flush()

    def release(self) -> None:
        """Leave the last frame where it is: what is written next comes below it."""
        self._rows = 0

    def _draw(self, text: str) -> None:
        """Go up to the first row of the last frame, clear from there on, write."""
        up = f"\x1b[{self._rows}F" if self._rows else ""
        self._out.write(f"{up}\x1b[J{text}\n")
        self._rows = text.count("\n") + 1

    def _tell_broker(self, state: State) -> None:
        """Write where the broker is, once."""
        if state.broker and not self._told:
            self._out.write(f"broker {state.broker}\n")
            self._told = True

    def _is_news(self, state: State) -> bool:
        """Say whether there is something to tell, and remember that it was told."""
        news = (state.wanted, state.serving, state.decision, state.note, state.failed, tuple(state.clusters))
        if news == self._shown and state.elapsed_s - self._shown_s < LINE_EVERY_S:
            return False
        self._shown, self._shown_s = news, state.elapsed_s
        return True


def frame(state: State, *, look: Look) -> str:
    """Return the rows of one frame, none wider than ``look.width`` columns."""
    width = look.width
    rows = [
        ("pileus", _head(state), "1"),
        ("load", state.load, ""),
        ("broker", state.broker, ""),
        *_clusters(state.clusters),
        ("members", _members(state, unicode=look.unicode), "32" if state.wanted == state.serving else "33"),
        ("in flight", _in_flight(state, width=width, unicode=look.unicode), ""),
        ("requests", _requests(state), "31" if state.failed else ""),
        ("latency", f"p50 {_ms(state.p50_s)}, p99 {_ms(state.p99_s)}", ""),
        ("decision", state.decision or "none yet", ""),
        ("why", state.why, ""),
        ("now", state.note, "2"),
    ]
    return "\n".join(
        _coloured(_cut(f"{label:<{LABEL}}{text}", width, unicode=look.unicode), colour if look.colour else "")
        for label, text, colour in rows
        if text
    )


def line(state: State) -> str:
    """Return the state as one plain line."""
    parts = [
        _clock(state.elapsed_s),
        f"members {_count(state.serving)} serving / {_count(state.wanted)} wanted",
        f"in flight {_load(state.observed[-1] if state.observed else None)} / {_load(state.predicted)} predicted",
        f"requests {state.sent} sent {state.answered} answered {state.failed} failed",
        f"p50 {_ms(state.p50_s)} p99 {_ms(state.p99_s)}",
    ]
    said = ": ".join(text for text in (state.decision, state.why) if text)
    lives = ", ".join(f"{each.name} {each.phase} {each.serving}/{each.wanted}" for each in state.clusters)
    return " | ".join([*parts, *(text for text in (said, lives, state.note) if text)])


def _clusters(clusters: Sequence[Cluster]) -> list[tuple[str, str, str]]:
    """Return a row for each cluster; those that do not fit are counted."""
    shown = clusters[:MOST_CLUSTERS]
    name, phase = (max((len(getattr(each, part)) for each in shown), default=0) for part in ("name", "phase"))
    rows = [
        (
            "" if i else "clusters",
            f"{each.name:<{name}}  {each.phase:<{phase}}  {each.serving}/{each.wanted}  {each.why}".rstrip(),
            "32" if each.phase == "Active" else "33",
        )
        for i, each in enumerate(shown)
    ]
    more = len(clusters) - len(shown)
    return [*rows, ("", f"and {more} more", "")] if more else rows


def _head(state: State) -> str:
    """Say how far the run is and where to look."""
    left = "Ctrl-C ends it" if state.remaining_s is None else f"{_clock(state.remaining_s)} left"
    return f"{_clock(state.elapsed_s)} elapsed, {left}" + (f"   {state.dashboard}" if state.dashboard else "")


def _members(state: State, *, unicode: bool) -> str:
    """Draw a box for each member: full ones serve, empty ones are awaited."""
    serving, wanted = state.serving or 0, state.wanted or 0
    full, empty = ("■", "□") if unicode else ("#", ".")
    boxes = (full * serving + empty * max(wanted - serving, 0))[:MOST_BOXES]
    return f"{boxes}{'  ' if boxes else ''}{_count(state.serving)} serving, {_count(state.wanted)} wanted"


def _in_flight(state: State, *, width: int, unicode: bool) -> str:
    """Draw the last seconds, and say what is predicted."""
    ahead = f" in {state.horizon_s:g} s" if state.horizon_s is not None else ""
    said = (
        f"{_load(state.observed[-1] if state.observed else None)} observed, {_load(state.predicted)} predicted{ahead}"
    )
    room = min(CHART, width - LABEL - len(said) - 2)
    chart = sparkline(state.observed[-room:], unicode=unicode) if room > 0 else ""
    return f"{chart}{'  ' if chart else ''}{said}"


def _requests(state: State) -> str:
    """Say what became of the requests."""
    return f"{state.sent:,} sent, {state.answered:,} answered, {state.failed:,} failed"


def _count(value: int | None) -> str:
    """Write a number of members."""
    return UNKNOWN if value is None else str(value)


def _load(value: float | None) -> str:
    """Write a number of requests in flight."""
    return UNKNOWN if value is None else f"{value:.1f}"


def _ms(value: float | None) -> str:
    """Write a duration in milliseconds."""
    return UNKNOWN if value is None else f"{value * 1000:.0f} ms"


def _clock(seconds: float) -> str:
    """Write a duration as minutes and seconds, with hours once there are some."""
    minutes, s = divmod(max(int(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{s:02}" if hours else f"{minutes:02}:{s:02}"


def _cut(text: str, width: int, *, unicode: bool) -> str:
    """Shorten ``text`` to ``width`` columns, on one row and without control characters."""
    text = "".join(c if c.isprintable() else " " for c in text)
    dots = "…" if unicode else "..."
    return text if len(text) <= width else (text[: max(width - len(dots), 0)] + dots)[:width]


def _coloured(text: str, colour: str) -> str:
    """Wrap ``text`` in a colour of ECMA-48; plain when there is none."""
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text
