"""The client's process: started beside the stack, read while it sends, asked to end."""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress

from pileus.load.result import RESULT, SECOND, Result, Second
from pileus.stack.local import LocalStack

SERVICE_S = 0.25
"""How long the sample application takes for a request (s)."""
PER_CORE = 80.0
"""Requests per second and core that this machine serves beside everything else of the stack."""
SHARE = 0.7
"""The load's peak takes this share of the largest cluster."""


async def drive(
    stack: LocalStack, args: Namespace, *, asked: asyncio.Event, tell: Callable[[Second], None]
) -> Result | None:
    """Let the client send until it ends or the end is asked for; return its result. ``tell`` gets each second."""
    out = stack.directory / "client.json"
    command = [sys.executable, "-m", "pileus.load.client", "--url", stack.front, "--out", str(out)]
    command += _client_words(args, stack)
    with (stack.directory / "client.log").open("wb") as log:
        client = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True
        )
    stopping = asyncio.create_task(_stop_client(client, asked))
    assert client.stdout is not None  # noqa: S101 - it is a pipe
    async for line in client.stdout:
        tell(SECOND.decode(line))
    await client.wait()
    stopping.cancel()
    return RESULT.decode(out.read_bytes()) if out.exists() else None


async def _stop_client(client: asyncio.subprocess.Process, asked: asyncio.Event) -> None:
    """Pass the wish to end on to the client."""
    await asked.wait()
    with suppress(ProcessLookupError):
        client.terminate()


def _client_words(args: Namespace, stack: LocalStack) -> list[str]:
    """Return the client's options."""
    words = ["--load", str(args.load), "--speed", str(args.speed), "--peak-per-s", str(args.peak or _peak(stack))]
    words += ["--period", str(args.period)]
    for name, value in (("duration", args.duration), ("from", args.start), ("to", args.end), ("column", args.column)):
        if value is not None:
            words += [f"--{name}", str(value)]
    return words


def _peak(stack: LocalStack) -> float:
    """Return the requests per second at the peak: what the largest cluster and this machine can serve."""
    spec = stack.cluster
    per_member = spec.policy.thresholds.get("requests_in_flight", 8.0) / SERVICE_S
    return min(SHARE * spec.max_members * per_member, PER_CORE * (os.cpu_count() or 1))
