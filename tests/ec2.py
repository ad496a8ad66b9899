"""moto's EC2 server for the tests, from packages of its own (``moto/requirements.txt``), with faults on demand."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.apart import packages
from tests.brokers import free_port

HERE = Path(__file__).resolve().parent / "moto"
LIB = HERE.parents[1] / ".moto"
LIST = HERE / "requirements.txt"
START_S = 60.0


def moto_packages() -> Path:
    """Return the folder of moto's packages (see ``tests/apart.py``)."""
    return packages(LIST, LIB)


class Ec2:
    """A server that runs."""

    def __init__(self, port: int) -> None:
        self.port = port

    def reset(self) -> None:
        """Forget every instance, and every fault."""
        self.faults()
        self._ask("POST", "/moto-api/reset")

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """Let the next calls meet these faults, instead of those that were told before."""
        self._ask("POST", "/faults", json.dumps(faults).encode())

    def calls(self, action: str) -> list[dict[str, str]]:
        """Return the calls of one kind since faults were told last."""
        return [call for call in json.loads(self._ask("GET", "/calls")) if call.get("Action") == action]

    def actions(self) -> list[str]:
        """Return the calls of every kind since faults were told last, by their names."""
        return [call["Action"] for call in json.loads(self._ask("GET", "/calls")) if "Action" in call]

    def met(self) -> dict[str, int]:
        """Return how many calls met a fault since faults were told last, by its status or kind."""
        return dict(json.loads(self._ask("GET", "/met")))

    def drain(self, *instances: str) -> None:
        """Let these have requests open, and no others: once they are taken out of a load balancer, they drain."""
        self._ask("POST", "/draining", json.dumps(instances).encode())

    def _ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body or None, method=method)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return bytes(answer.read())


@contextmanager
def running_ec2(directory: Path) -> Iterator[Ec2]:
    """Run a server; its packages are seen by nobody else."""
    packages, port = moto_packages(), free_port()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(packages), "AWS_EC2_METADATA_DISABLED": "true"}
    environment |= {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    with (directory / "moto.log").open("wb") as file:
        command = [sys.executable, "-S", str(HERE / "server.py"), str(port)]
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=True)
        try:
            server = Ec2(port)
            _wait(server, process, directory / "moto.log")
            yield server
        finally:
            process.kill()
            process.wait(10)


def _wait(server: Ec2, process: "subprocess.Popen[bytes]", said: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.faults()
        except (urllib.error.URLError, OSError):
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        else:
            return
    raise RuntimeError(f"moto did not start: {said.read_text()[-2000:]}")


if __name__ == "__main__":
    print(moto_packages())  # noqa: T201 - a program
