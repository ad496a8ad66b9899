"""What the tests read of wrk's words: a request that failed in any way counts."""

import pytest

from tests.wrk import Said, said

GOOD = """Running 1s test @ http://127.0.0.1:9/
  1 threads and 2 connections
  8 requests in 1.01s, 1.00KB read
Requests/sec:      7.92
"""
ERRORS = "  Socket errors: connect 1, read 2, write 3, timeout 4\n"
REFUSED = "  Non-2xx or 3xx responses: 5\n"


@pytest.mark.parametrize(
    ("text", "expected", "failed"),
    [
        pytest.param(GOOD, Said(requests=8), 0, id="nothing failed"),
        pytest.param(GOOD + REFUSED, Said(requests=8, refused=5), 5, id="answers that refuse"),
        pytest.param(
            GOOD + ERRORS, Said(requests=8, connect=1, read=2, write=3, timeout=4), 10, id="answers that never came"
        ),
        pytest.param(
            GOOD + ERRORS + REFUSED,
            Said(requests=8, refused=5, connect=1, read=2, write=3, timeout=4),
            15,
            id="both",
        ),
    ],
)
def test_wrk_said(text: str, expected: Said, failed: int) -> None:
    assert said(text) == expected
    assert expected.failed == failed


def test_no_count_is_not_zero_requests() -> None:
    with pytest.raises(ValueError, match="counted nothing"):
        said("unable to connect to 127.0.0.1:9 Connection refused")
