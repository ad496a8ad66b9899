"""Bursts by command: ``python -m tests.bursts --away docker|ec2 --cycles 3``. What came of it is written as JSON."""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import cycle, islice
from pathlib import Path

from tests.bursts.away import Away, docker_away, ec2_away
from tests.bursts.limits import LIMITS
from tests.bursts.run import burst
from tests.ec2 import running_ec2
from tests.engines import remove_engine, start_engine
from tests.python_image import import_sample


def main() -> int:
    """Run by command; exit code 1 when a request failed or a limit was exceeded."""
    parser = argparse.ArgumentParser(prog="python -m tests.bursts", description="Bursts to another cloud and back.")
    parser.add_argument("--away", choices=("docker", "ec2"), default="docker", help="ec2: moto's API, played machines")
    parser.add_argument("--cycles", type=int, default=3)
    args = parser.parse_args()
    limits = list(islice(cycle(LIMITS), args.cycles))
    with tempfile.TemporaryDirectory(prefix="bursts-") as folder, _away(args.away, Path(folder)) as away:
        result = asyncio.run(burst(away, Path(folder), limits=limits))
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
    return 1 if result.failed or result.exceeded else 0


@contextmanager
def _away(cloud: str, folder: Path) -> Iterator[Away]:
    """Start the cloud to burst to, and leave nothing of it."""
    if cloud == "ec2":
        with running_ec2(folder) as server, ec2_away(server, folder / "ec2") as away:
            yield away
        return
    engine = start_engine()
    try:
        client = engine.client()
        import_sample(client)
        client.close()
        yield docker_away(engine)
    finally:
        remove_engine(engine)


if __name__ == "__main__":
    sys.exit(main())
