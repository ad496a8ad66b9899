"""What ``pileus status`` says of samples that wait for a worker."""

import pytest

from pileus import waiting
from streams.lag import Lag


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param([], "", id="it is not known"),
        pytest.param([Lag(0, 4000, 9.0), Lag(1, 0, 0.0)], "", id="not for long"),
        pytest.param(
            [Lag(0, 4711, 31.7), Lag(1, 10, 1.0), Lag(2, 100, 12.0)],
            "about 5,000 messages wait for a worker, for up to 30 s (pileus.samples 0, 2)",
            id="two partitions",
        ),
        pytest.param(
            [Lag(3, 1_234_567, 86_400.0)],
            "about 1,000,000 messages wait for a worker, for up to 90000 s (pileus.samples 3)",
            id="a day",
        ),
    ],
)
def test_what_waits_is_told_roughly(found: list[Lag], said: str) -> None:
    assert waiting.note(found, most_s=10.0) == said


def test_a_document_has_it_exactly() -> None:
    assert waiting.document([Lag(0, 4711, 31.7)]) == [{"partition": 0, "messages": 4711, "seconds": 31.7}]
