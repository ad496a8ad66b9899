"""A match day on containers behind a balancer: ``pileus run`` with its own client, and wrk beside it; nothing fails.

``python -m tests.match_day --trace wc98_requests_to_jun30_60s.csv.gz`` runs the day in five minutes.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pileus.report import Report
from tests import wrk
from tests.engines import DockerEngine, remove_engine, start_engine
from tests.python_image import IMAGE, import_sample
from tests.running import END_S, UP_S, Run, run

DAY = ("1998-06-30T06:00:00Z", "1998-06-30T23:59:00Z")
MATCH = ("1998-06-30T12:00:00Z", "1998-06-30T23:59:00Z")
MATCH_S = 43_140.0
CONNECTIONS = 2
"""wrk's: so many requests of its own are always in flight."""
EARLIER_S = 6
"""wrk ends so long before our client (s): the stack ends with that one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What both clients saw."""

    code: int
    said: str
    """What ``pileus run`` wrote."""
    ours: Report
    theirs: wrk.Said


def play(
    engine: DockerEngine, directory: Path, trace: Path, *, between: tuple[str, str], seconds: float, speed: float
) -> Played:
    """Run part of the day with containers behind HAProxy, wrk beside it. The engine has the image."""
    load = ("--load", str(trace), "--from", between[0], "--to", between[1], "--speed", f"{speed:g}")
    where = ("--cloud", "docker", "--engine", engine.url, "--image", IMAGE, "--balancer", "haproxy")
    with run(directory, *where, *load, "--duration", f"{seconds:g}") as it:
        it.until(lambda: "requests to " in it.said.read_text(), "where requests go")
        front = it.said.read_text().partition("requests to ")[2].split()[0]
        it.until(lambda: _answers(front), "the first answer")
        words = wrk.words(front, seconds=int(seconds) - EARLIER_S, connections=CONNECTIONS)
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=seconds + UP_S)
        code = it.ends(EARLIER_S + UP_S + END_S)
        return _played(it, code, done.stdout)


def _played(it: Run, code: int, wrote: str) -> Played:
    """Read what both left."""
    ours = msgspec.json.decode(it.report.read_bytes(), type=Report)
    return Played(code=code, said=it.said.read_text(), ours=ours, theirs=wrk.said(wrote))


def _answers(front: str) -> bool:
    """Say whether a member answers."""
    try:
        with urllib.request.urlopen(front, timeout=5.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def main() -> int:
    """Run by command; exit code 1 when a request failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.match_day", description=__doc__)
    parser.add_argument("--trace", type=Path, required=True, metavar="FILE", help="requests of the day, as CSV")
    parser.add_argument("--speed", type=float, default=300.0, metavar="X")
    parser.add_argument("--duration", type=float, default=300.0, metavar="S", help="longer than the day: it comes home")
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="keep the report of the run")
    args = parser.parse_args()
    began = time.monotonic()
    engine = start_engine()
    try:
        client = engine.client()
        import_sample(client)
        client.close()
        with tempfile.TemporaryDirectory(prefix="pileus-match-") as folder:
            trace = args.trace.resolve()
            day = play(engine, Path(folder), trace, between=DAY, seconds=args.duration, speed=args.speed)
    finally:
        remove_engine(engine)
    if args.report:
        args.report.write_bytes(msgspec.json.format(msgspec.json.encode(day.ours)))
    sys.stdout.write(f"{day.said}\nour client: {day.ours.requests}\nmembers: {day.ours.members}\nwrk: {day.theirs}\n")
    sys.stdout.write(f"{time.monotonic() - began:.0f} s\n")
    return 1 if day.code or day.ours.requests.failed or day.theirs.failed else 0


if __name__ == "__main__":
    sys.exit(main())
