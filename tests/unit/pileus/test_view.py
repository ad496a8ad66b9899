"""The live view: one frame, one line, and when each is written."""

import io
from collections.abc import Sequence

import pytest

from pileus.sparkline import sparkline
from pileus.view import Cluster, Look, State, View, frame, line

BUSY = State(
    elapsed_s=83.4,
    remaining_s=217.0,
    load="flash-crowd",
    dashboard="http://127.0.0.1:8400",
    wanted=4,
    serving=3,
    observed=[0.0, 10.0, 20.0, 37.24],
    predicted=45.1,
    horizon_s=6.0,
    sent=12345,
    answered=12340,
    failed=0,
    p50_s=0.2514,
    p99_s=0.298,
    decision="12:03:04 3 -> 4",
    why="Forecast: 45.1 requests expected",
)
FRAME = """\
pileus     01:23 elapsed, 03:37 left   http://127.0.0.1:8400
load       flash-crowd
members    ■■■□  3 serving, 4 wanted
in flight  ▁▃▅█  37.2 observed, 45.1 predicted in 6 s
requests   12,345 sent, 12,340 answered, 0 failed
latency    p50 251 ms, p99 298 ms
decision   12:03:04 3 -> 4
why        Forecast: 45.1 requests expected"""
ASCII_FRAME = FRAME.replace("■■■□", "###.").replace("▁▃▅█", "_-+#")
NEW_FRAME = """\
pileus     00:00 elapsed, Ctrl-C ends it
members    ? serving, ? wanted
in flight  ? observed, ? predicted
requests   0 sent, 0 answered, 0 failed
latency    p50 ?, p99 ?
decision   none yet
now        starting the broker"""


TIERS = [
    Cluster(name="db", phase="Active", wanted=1, serving=1),
    Cluster(name="backend.2/api", phase="waits", wanted=2, serving=0, why="waits for db"),
]
TIERS_FRAME = """\
pileus     00:00 elapsed, Ctrl-C ends it
broker     127.0.0.1:19000
clusters   db             Active  1/1
           backend.2/api  waits   0/2  waits for db
members    ? serving, ? wanted"""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def a_state(
    *, elapsed_s: float = 0.0, serving: int | None = 1, failed: int = 0, note: str = "", why: str = ""
) -> State:
    return State(elapsed_s=elapsed_s, serving=serving, wanted=1, failed=failed, note=note, why=why)


@pytest.mark.parametrize(
    ("state", "look", "expected"),
    [
        pytest.param(BUSY, Look(), FRAME, id="everything is known"),
        pytest.param(BUSY, Look(unicode=False), ASCII_FRAME, id="without block characters"),
        pytest.param(State(elapsed_s=0.0, note="starting the broker"), Look(), NEW_FRAME, id="nothing is known"),
    ],
)
def test_frame(state: State, look: Look, expected: str) -> None:
    assert frame(state, look=look) == expected


def test_a_composite_application_has_a_row_for_each_cluster() -> None:
    state = State(elapsed_s=0.0, broker="127.0.0.1:19000", clusters=TIERS)

    assert frame(state, look=Look()).startswith(TIERS_FRAME + "\n")
    assert line(state).endswith(" | db Active 1/1, backend.2/api waits 0/2")


def test_of_many_clusters_the_first_have_a_row() -> None:
    many = [Cluster(name=f"c{i}", phase="starts", wanted=1, serving=0) for i in range(30)]
    rows = frame(State(elapsed_s=0.0, clusters=many), look=Look()).split("\n")

    assert [row[11:] for row in rows if "starts" in row] == [f"c{i:<2}  starts  0/1" for i in range(12)]
    assert "           and 18 more" in rows


def test_without_a_terminal_the_broker_is_told_once() -> None:
    out = io.StringIO()
    view = View(out, width=lambda: 80, environ={})
    for note in ("a", "b"):
        view.show(State(elapsed_s=0.0, broker="127.0.0.1:19000", note=note))

    assert [row.split(" ")[0] for row in out.getvalue().splitlines()] == ["broker", "00:00", "00:00"]


@pytest.mark.parametrize("width", [1, 3, 20, 40, 60, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_row_is_wider_than_the_terminal(*, width: int, unicode: bool) -> None:
    wordy = State(
        elapsed_s=1e6, clusters=TIERS, observed=[1.0] * 500, wanted=500, serving=400, why="so\nmuch\x1b[2J " * 50
    )

    assert {len(row) <= width for row in frame(wordy, look=Look(width=width, unicode=unicode)).split("\n")} == {True}
    assert "\x1b" not in frame(wordy, look=Look(width=width, unicode=unicode))


@pytest.mark.parametrize(
    ("state", "colours"),
    [
        pytest.param(a_state(), {"1", "32"}, id="green when the members wanted serve"),
        pytest.param(a_state(serving=0), {"1", "33"}, id="yellow while some are awaited"),
        pytest.param(a_state(failed=1), {"1", "32", "31"}, id="red once a request failed"),
    ],
)
def test_colour_says_how_it_goes(state: State, colours: set[str]) -> None:
    rows = frame(state, look=Look(colour=True)).split("\n")

    assert {row[2:].split("m")[0] for row in rows if row.startswith("\x1b[")} == colours


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(
            BUSY,
            "01:23 | members 3 serving / 4 wanted | in flight 37.2 / 45.1 predicted | requests 12345 sent"
            " 12340 answered 0 failed | p50 251 ms p99 298 ms | 12:03:04 3 -> 4: Forecast: 45.1 requests expected",
            id="everything is known",
        ),
        pytest.param(
            State(elapsed_s=3723.0),
            "1:02:03 | members ? serving / ? wanted | in flight ? / ? predicted | requests 0 sent 0 answered 0 failed"
            " | p50 ? p99 ?",
            id="nothing is known",
        ),
    ],
)
def test_line(state: State, expected: str) -> None:
    assert line(state) == expected


@pytest.mark.parametrize(
    ("states", "lines"),
    [
        pytest.param([a_state(elapsed_s=t) for t in range(5)], 1, id="nothing changes"),
        pytest.param([a_state(elapsed_s=t) for t in range(25)], 3, id="a line every ten seconds all the same"),
        pytest.param([a_state(serving=n) for n in (1, 2, 2, 3)], 3, id="members change"),
        pytest.param([a_state(failed=n) for n in (0, 1)], 2, id="a request fails"),
        pytest.param([a_state(note=n) for n in ("a", "b")], 2, id="something else goes on"),
        pytest.param(
            [State(elapsed_s=0.0, clusters=each) for each in (TIERS[:1], TIERS[:1], TIERS)], 2, id="a cluster changes"
        ),
    ],
)
def test_without_a_terminal_a_line_is_written_at_each_change(states: Sequence[State], lines: int) -> None:
    out = io.StringIO()
    view = View(out, width=lambda: 80, environ={})
    for state in states:
        view.show(state)

    assert out.getvalue().count("\n") == lines
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_the_frame_is_drawn_in_place() -> None:
    out = Terminal()
    view = View(out, width=lambda: 80, environ={"NO_COLOR": "1"})
    view.show(BUSY)
    view.show(BUSY)
    view.release()
    view.show(BUSY)

    assert out.getvalue() == f"\x1b[J{FRAME}\n\x1b[8F\x1b[J{FRAME}\n\x1b[J{FRAME}\n"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, True, id="colour on a terminal"),
        pytest.param({"NO_COLOR": ""}, True, id="an empty NO_COLOR says nothing"),
        pytest.param({"NO_COLOR": "1"}, False, id="none with NO_COLOR"),
        pytest.param({"TERM": "dumb"}, False, id="none on a dumb terminal"),
    ],
)
def test_colour_is_a_choice(*, environ: dict[str, str], expected: bool) -> None:
    out = Terminal()
    View(out, width=lambda: 80, environ=environ).show(BUSY)

    assert ("\x1b[1m" in out.getvalue()) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param([0.0, 0.0], "▁▁", id="no load at all"),
        pytest.param([0.0, None, 7.0], "▁ █", id="unknown is a space, not nothing"),
        pytest.param([1.0, 2.0, 4.0, 7.0], "▂▃▅█", id="from zero to the greatest"),
    ],
)
def test_sparkline(values: list[float | None], expected: str) -> None:
    assert sparkline(values) == expected
