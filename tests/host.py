"""A host of containers as a process of this machine: a Docker engine of its own on a port, until it is told to end.

    python -m tests.host --port 20001 --image /tmp/sample.tar

It serves (``GET /images/NAME/json`` is 200) once it has the image of the sample application. SIGTERM ends it and
everything it runs, and nothing is left of it.
"""

import argparse
import signal
import sys
from pathlib import Path

from tests.engines import remove_engine, start_engine
from tests.python_image import load_sample


def main() -> int:
    """Be a host until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.host", description="A Docker engine on a port.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--image", type=Path, required=True, help="what tests.python_image.pack_sample has packed")
    args = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    engine = start_engine(port=args.port)
    try:
        client = engine.client()
        load_sample(client, args.image)
        client.close()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    finally:
        remove_engine(engine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
