"""Ask nginx which revision of a cluster it has loaded."""

import asyncio
import re

from actuators.ports import BalancerError

TIMEOUT_S = 2.0
MAX_ANSWER = 4096
ANSWER = re.compile(rb"HTTP/1\.[01] 200 .*?\r\n\r\n(\d{1,18})\s*", re.DOTALL)


async def ask_revision(status: str, cluster: str, *, timeout_s: float = TIMEOUT_S) -> int:
    """Return the revision that the worker that answers has loaded.

    Raises
    ------
    BalancerError
        No answer in time, or not one that is a number.
    """
    host, _, port = status.rpartition(":")
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, int(port), limit=MAX_ANSWER)
            try:
                writer.write(f"GET / HTTP/1.0\r\nHost: {cluster}\r\n\r\n".encode())
                said = await reader.read(MAX_ANSWER)
                while piece := await reader.read(MAX_ANSWER):
                    said += piece
                    if len(said) > MAX_ANSWER:
                        break
            finally:
                writer.transport.abort()
    except OSError as error:
        raise BalancerError(f"nginx at {status} does not answer: {error!r}") from error
    if (revision := ANSWER.fullmatch(said)) is None:
        raise BalancerError(f"nginx at {status} does not tell the revision of {cluster}: {said[:100]!r}")
    return int(revision[1])
