import msgspec
import pytest

from config.settings import Settings
from streams.recording import SETTINGS, Line, lines, recorded_settings, write

LINE = Line(topic="pileus.samples", partition=1, offset=7, at=1000.25, key="default/shop", value='{"kind": "tick"}\n')


def test_what_is_written_is_read_again_to_the_letter() -> None:
    assert list(lines(write(line) for line in (LINE, LINE))) == [LINE, LINE]


def test_a_line_is_one_line() -> None:
    assert write(LINE).count(b"\n") == 1
    assert write(LINE).endswith(b"\n")


def test_an_empty_line_is_passed_over() -> None:
    assert list(lines([b"\n", write(LINE), b"  \n"])) == [LINE]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"{", id="broken JSON"),
        pytest.param(b'{"topic": "a"}', id="a field missing"),
        pytest.param(write(LINE).replace(b"shop", b"\xff"), id="no UTF-8"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"^line 3: "):
        list(lines([write(LINE), b"\n", raw]))


def test_the_settings_that_were_in_force_stand_in_it() -> None:
    settings = Settings(evaluation_s=1.0)
    line = Line(topic=SETTINGS, partition=0, offset=0, at=0.0, value=msgspec.json.encode(settings).decode())

    assert recorded_settings([LINE, line]) == settings


def test_without_settings_it_is_no_recording() -> None:
    with pytest.raises(ValueError, match="no line with the settings"):
        recorded_settings([LINE])
