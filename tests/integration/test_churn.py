"""Members come and go continuously under wrk's load, and each is killed once it is said to be out: nothing fails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.churn import churn

REQUESTS = 50_000


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
async def test_no_request_fails_while_members_come_and_go(
    kind: str, tmp_path: Path, program: Callable[..., str], record_property: Callable[[str, object], None]
) -> None:
    """F20. By nginx with ``Connection: close``."""
    for name in (kind, "wrk"):
        program(name)

    result = await churn(kind, tmp_path / kind, requests=REQUESTS)

    record_property("churn", str(result))
    assert result.failed == 0, result
    assert result.requests >= REQUESTS
    assert result.entered > 10, result
    assert result.left > 10, result
