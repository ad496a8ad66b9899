"""What a worker answers about its health: does it run, is it ready, its numbers."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from streams.answers import Answer
from streams.gauges import CONTENT_TYPE, Gauges

WELL = Answer(b"ok\n")


def pages(gauges: Gauges) -> Mapping[str, Callable[[], Answer]]:
    """Return the pages by path."""
    return {
        "/healthz": lambda: _verdict(gauges.dead()),
        "/livez": lambda: _verdict(gauges.dead()),
        "/readyz": lambda: _verdict(gauges.unready()),
        "/metrics": lambda: Answer(gauges.text(), kind=CONTENT_TYPE),
    }


def _verdict(wrong: Iterable[str]) -> Answer:
    """Answer 200 when nothing is wrong, else 503 and what it is, a line each."""
    said = "".join(f"{each}\n" for each in wrong)
    return Answer(said.encode(), HTTPStatus.SERVICE_UNAVAILABLE) if said else WELL
