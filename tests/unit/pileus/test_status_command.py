"""``pileus status`` without a broker: what it makes of a terminal."""

import io
from argparse import Namespace

import pytest

from pileus.commands.status import _Screen
from streams.records.member import State
from tests.unit.pileus.standing import PLAIN, STARTING, a_member, shop


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "encoding", "coloured", "drawn_as"),
    [
        pytest.param({"TERM": "xterm"}, "utf-8", True, "└─ ", id="a terminal"),
        pytest.param({"TERM": "xterm", "NO_COLOR": "1"}, "utf-8", False, "└─ ", id="NO_COLOR"),
        pytest.param({"TERM": "dumb"}, "utf-8", False, "└─ ", id="a dumb terminal"),
        pytest.param({"TERM": "xterm", "NO_COLOR": "1"}, "ascii", False, "`- ", id="no Unicode"),
    ],
)
def test_what_a_terminal_can_show(
    *,
    environ: dict[str, str],
    encoding: str,
    coloured: bool,
    drawn_as: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    out = Terminal(encoding)
    monkeypatch.setattr("sys.stdout", out)
    late = a_member("shop-web-1", state=State.STARTING, reason="größer")

    _Screen(Namespace(output="text", watch=False, members=None)).show([shop(PLAIN[0], [late])], "")

    assert ("\x1b[33mStarting\x1b[0m" in out.getvalue()) is coloured
    assert ("\x1b" in out.getvalue()) is coloured
    assert drawn_as in out.getvalue()
    assert ("gr??er" if encoding == "ascii" else "größer") in out.getvalue()


def test_a_page_is_drawn_over_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "80", "LINES": "6"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", out := Terminal("utf-8"))
    screen = _Screen(Namespace(output="text", watch=True, members=None))

    for standing in (shop(*PLAIN), shop(*STARTING), shop(*PLAIN)):
        screen.show([standing], "")

    first, second, third = out.getvalue().split("\x1b[J")[1:]
    assert first.endswith("serve\n\x1b[2F")
    assert second.count("\n") == 5  # six rows, and the cursor stands on the last one
    assert "... 2 lines more" in second
    assert second.endswith("\x1b[5F")
    assert third.count("\n") == 2
