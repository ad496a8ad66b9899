"""The demo's application under actuators that run as processes: its load is what a test says it is."""

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import psutil
from kafka.errors import KafkaError

from actuators.lifecycle import PRESENT
from actuators.roster import Roster
from config.catalogue import Catalogue, load
from config.settings import Settings
from pileus.stack.folders import local_folder
from streams.partition import application_key, partition_of
from streams.records.action import ACTION, OUTCOME, Action, Outcome, Result
from streams.records.forecast import Forecasts
from streams.records.member import MEMBERS as MEMBER
from streams.records.member import Claim, Member, State
from streams.topics import ACTIONS, FORECASTS, MEMBERS, OUTCOMES
from tests.builders import a_forecast
from tests.pieces import Hand, Reader

DEMO = Path(__file__).resolve().parent.parent / "config" / "definitions" / "demo"
CLUSTER = "shop-web"
THRESHOLD = 8.0
"""Requests in flight that one member of the demo should carry."""
LISTEN = (
    "import os, socket, signal; s = socket.create_server(('127.0.0.1', int(os.environ['PORT']))); "
    "signal.signal(signal.SIGTERM, lambda *_: os._exit(0)); signal.pause()"
)
"""The smallest server: it takes its port and stays."""
TICK_S = 0.3


def demo(
    directory: Path,
    command: Sequence[str] = ("{python}", "-I", "-S", "-c", LISTEN),
    *,
    image: str = "",
    changes: Mapping[str, str] = MappingProxyType({}),
) -> Catalogue:
    """Return the demo's definitions with another command, ports of this process's own, and a quick scale-down.

    With an ``image`` they are those for Docker. ``changes`` are further texts, and what stands in their place.
    """
    directory.mkdir(parents=True)
    low = 20_000 + os.getpid() * 40 % 10_000
    changes = {
        **changes,
        'command: ["{python}", "-m", "pileus.sample_app"]': f"command: {json.dumps(list(command))}",
        "healthProbe: http:/health": "healthProbe: tcp",
        "19100-19115": f"{low}-{low + 15}",
        "19116-19131": f"{low + 16}-{low + 31}",
        "stabilizationWindowSeconds: 15": "stabilizationWindowSeconds: 1",
        "periodSeconds: 5": "periodSeconds: 1",
        "pileus:local": image,
    }
    paths = [*DEMO.glob("*.yaml"), *(DEMO.with_name("demo-docker").glob("*.yaml") if image else ())]
    for path in paths:
        text = path.read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        (directory / path.name).write_text(text)
    return load([directory])


@dataclass
class Load:
    """Forecasts written by hand, tick after tick: the load is what ``members`` members should carry."""

    hand: Hand
    partition: int
    members: int = 1
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> "Load":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(20)

    def _run(self) -> None:
        while not self._ended.wait(TICK_S):
            forecast = a_forecast(requests=self.members * THRESHOLD, serving=self.members, members=())
            record = Forecasts(at=time.time(), partition=self.partition, members_offset=0, clusters=[forecast])
            with suppress(KafkaError):  # a broker that is away takes no forecasts
                self.hand.write(FORECASTS, self.partition, record)


@dataclass
class Scene:
    """The demo's application in its partition: what stands in the topics of it, and what runs on this machine."""

    settings: Settings
    hand: Hand
    reader: Reader

    @property
    def partition(self) -> int:
        return partition_of(application_key("default", "shop"), self.settings.partitions)

    def claims(self) -> list[tuple[int, Claim]]:
        """Return the claims with their epochs."""
        return [(offset, record) for offset, record in self.log() if isinstance(record, Claim)]

    def log(self) -> list[tuple[int, Member | Claim]]:
        return [(m.offset, MEMBER.decode(m.value)) for m in self.reader.look().of(MEMBERS, self.partition)]

    def members(self, *states: State) -> dict[str, Member]:
        """Return the members as every reader of the log has them; those in ``states`` when some are named."""
        roster = Roster()
        for offset, record in self.log():
            roster.apply(record, partition=self.partition, offset=offset)
        return {name: m for name, m in roster.members.items() if not states or m.state in states}

    def present(self) -> int:
        return len(self.members(*PRESENT))

    def actions(self) -> list[Action]:
        return self.reader.look().records(ACTIONS, ACTION)

    def outcomes(self, result: Result) -> list[Outcome]:
        return [o for o in self.reader.look().records(OUTCOMES, OUTCOME, self.partition) if o.result is result]

    def instances(self) -> dict[str, list[str]]:
        """Return the processes of the application that run now, by member, as the cloud names them."""
        folder, found = str(local_folder(Path(self.settings.state_dir))), dict[str, list[str]]()
        for process in psutil.process_iter():
            try:
                environment, command = process.environ(), " ".join(process.cmdline())
            except (psutil.Error, OSError):
                continue
            if (
                environment.get("PILEUS_STATE") == folder
                and LISTEN in command
                and process.pid == os.getsid(process.pid)
            ):
                found.setdefault(environment["PILEUS_MEMBER"], []).append(f"process-{process.pid}")
        return found
