"""Processes that play the machines of moto's EC2, which boots nothing.

The API is moto's; a machine is what this does with a running instance's user data: its files are written below a folder
of the machine's own, and what its systemd units start runs as processes of this host, with the environment file as
systemd reads it, at the instance's private address. The subnet lies in 127.0.0.0/8, so that address is there without
any set-up. When the instance ends, its processes get SIGTERM, as on shutdown. What is not played: cloud-init and
systemd themselves, an image, security groups, a machine's own network (0.0.0.0 and 127.0.0.1 are its address here).
"""

import base64
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from libcloud.compute.providers import get_driver

from actuators.clouds.user_data import ENVIRONMENT
from tests.contracts.ec2_rig import REGIONS
from tests.crashes.site import OTHER_KEY
from tests.ec2 import Ec2

ROOT = Path(__file__).resolve().parents[2]
NETWORK, SUBNET = "127.64.0.0/16", "127.64.0.0/20"
LOOK_S, END_S, CALL_S = 0.2, 10.0, 10.0
PATHS = re.compile(r"/(?:etc|var/lib)/pileus|/etc/systemd/system")
"""Where user data writes."""


def connected(server: Ec2) -> Any:
    """Return libcloud's driver, as somebody whom no fault meets."""
    where = {"region": REGIONS[0], "secure": False, "host": "127.0.0.1", "port": server.port}
    return get_driver("ec2")(OTHER_KEY, "s", signature_version="4", timeout=CALL_S, **where)


def a_subnet(server: Ec2) -> str:
    """Make a subnet whose addresses are this host's own, and return its id."""
    driver = connected(server)
    network = driver.ex_create_network(NETWORK)
    return str(driver.ex_create_subnet(network.id, SUBNET, f"{REGIONS[0]}a").id)


class Machine:
    """The processes of one instance."""

    def __init__(self, folder: Path, address: str, user_data: str) -> None:
        self._folder, self._address = folder, address
        self._files = {
            each["path"]: each["content"] for each in json.loads(user_data.partition("\n")[2])["write_files"]
        }
        for path, content in self._files.items():
            file = Path(self._here(path))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        environment = self._environment()
        units = sorted(path for path in self._files if path.endswith(".service"))
        self.processes = [self._start(Path(unit).stem, self._files[unit], environment) for unit in units]

    def shut_down(self) -> None:
        """Ask every process to end."""
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    def gone(self, within_s: float = 0.0) -> bool:
        """Say whether all have ended."""
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(within_s)
        return all(process.poll() is not None for process in self.processes)

    def kill(self) -> None:
        """End what has not ended."""
        for process in self.processes:
            process.kill()
            process.wait(END_S)

    def _here(self, text: str) -> str:
        """Return a text with the machine's paths below its own folder."""
        return PATHS.sub(lambda found: f"{self._folder}{found[0]}", text)

    def _environment(self) -> dict[str, str]:
        """Return the environment file as systemd reads it; the machine's addresses are its own one."""
        found = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        for name, value in re.findall(r'^(\w+)="((?:[^"\\]|\\.)*)"$', self._files[ENVIRONMENT], flags=re.MULTILINE):
            found[name] = self._here(re.sub(r"\\(.)", r"\1", value))
        return found | {name: self._address for name in ("HOST", "PILEUS_HOST") if name in found}

    def _start(self, name: str, unit: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        """Do what a unit says: what comes before, then its process."""
        for line in _values(unit, "ExecStartPre"):
            subprocess.run(_words(self._here(line)), env=environment, cwd=ROOT, check=True, timeout=CALL_S)
        (line,) = _values(unit, "ExecStart")
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                _words(self._here(line)),
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def _values(unit: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit, flags=re.MULTILINE)


def _words(line: str) -> Sequence[str]:
    """Split a command line as systemd does."""
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line)]


class Machines:
    """Looks at moto's instances, and has a machine for each one that runs."""

    def __init__(self, server: Ec2, folder: Path) -> None:
        self._driver, self._folder = connected(server), folder
        self._up: dict[str, Machine] = {}
        self._ending: dict[str, Machine] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="machines", daemon=True)
        self.booted = self.most = 0
        """How many there ever were, and at once."""
        self.fault: Exception | None = None
        """Why it ended before it was told to."""

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more; leave no process."""
        self._stop.set()
        self._thread.join(2 * CALL_S)
        for machine in (*self._up.values(), *self._ending.values()):
            machine.shut_down()
        for machine in (*self._up.values(), *self._ending.values()):
            machine.gone(END_S)
            machine.kill()

    def _run(self) -> None:
        try:
            while not self._stop.wait(LOOK_S):
                self._look()
        except Exception as error:  # noqa: BLE001 - the test is told
            self.fault = error

    def _look(self) -> None:
        """Boot what runs and has no machine yet; shut down the machines of what runs no more."""
        runs = {node.id: node for node in self._driver.list_nodes() if node.extra["status"] == "running"}
        for instance in self._up.keys() - runs.keys():
            self._ending[instance] = self._up.pop(instance)
            self._ending[instance].shut_down()
        self._ending = {instance: each for instance, each in self._ending.items() if not each.gone()}
        for instance in runs.keys() - self._up.keys():
            folder = self._folder / instance
            self._up[instance] = Machine(folder, runs[instance].private_ips[0], self._user_data(instance))
            self.booted += 1
        self.most = max(self.most, len(self._up))

    def _user_data(self, instance: str) -> str:
        """Return what the instance would read at its first boot."""
        asked = {"Action": "DescribeInstanceAttribute", "InstanceId": instance, "Attribute": "userData"}
        answer = self._driver.connection.request(self._driver.path, params=asked).object
        (value,) = [each.text for each in answer.iter() if each.tag.endswith("}value")]
        return base64.b64decode(value or "").decode()


@contextmanager
def running_machines(server: Ec2, folder: Path) -> Iterator[Machines]:
    """Have machines for moto's instances."""
    machines = Machines(server, folder)
    machines.start()
    try:
        yield machines
    finally:
        machines.close()
    if machines.fault is not None:
        raise machines.fault
