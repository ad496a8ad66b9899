"""The loop of the agent, in virtual time."""

from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.agent import agent as module
from streams.agent.agent import GONE_S, Agent, next_due, phase_of
from streams.agent.beside import LINES, Identity
from streams.agent.exports import Exports
from streams.agent.follow import Follower
from streams.agent.measure import GONE, Usage
from streams.records.log import LogLine
from streams.records.metadata import Metadata
from streams.records.record import Record
from streams.records.sample import Health
from streams.topics import LOGS, METADATA, SAMPLES, Topic

ME = Identity(tenant="default", application="shop", cluster="web", member="web-1")
BUSY = Usage(load_average=50.0, memory_consumption=25.0)
START = 1_714_564_800.0


class World:
    """Time that passes only when somebody waits, an instance, and a place for records."""

    def __init__(self, *, until_s: float) -> None:
        self.time = 0.0
        self.set_back_s = 0.0
        self._until_s = until_s
        self.usage = BUSY
        self.measured_at: list[float] = []
        self.on_wait: Callable[[float], None] = lambda _time: None
        self.published: list[tuple[Topic, Record | bytes, bytes]] = []
        self.owners: list[bytes | None] = []

    def now(self) -> float:
        return START + self.time - self.set_back_s

    def clock(self) -> float:
        return self.time

    def wait(self, seconds: float) -> bool:
        assert seconds >= 0
        self.time += seconds
        self.on_wait(self.time)
        return self.time >= self._until_s

    def measure(self, at: float) -> Usage:
        self.measured_at.append(at)
        return self.usage

    def publish(self, topic: Topic, record: Record | bytes, *, key: bytes, owner: bytes | None = None) -> None:
        self.owners.append(owner)
        self.published.append((topic, record, key))

    def agent(
        self,
        *,
        interval_s: float = 5.0,
        probe: Callable[[], bool] | None = None,
        logs: Sequence[Follower] = (),
        exports: Exports | None = None,
    ) -> Agent:
        return Agent(
            ME,
            source=self,
            publisher=self,
            interval_s=interval_s,
            now=self.now,
            clock=self.clock,
            probe=probe,
            logs=logs,
            exports=exports,
            zone=UTC,
        )

    def samples(self) -> list[Health]:
        return [record for _, record, _ in self.published if isinstance(record, Health)]

    def lines(self) -> list[LogLine]:
        return [record for _, record, _ in self.published if isinstance(record, LogLine)]


class Log:
    """A log in memory."""

    def __init__(self, name: str, lines: list[str]) -> None:
        self.name, self.waiting = name, lines

    def lines(self, limit: int) -> list[str]:
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken


PHASE_S = phase_of("web-1", 5.0)


def steps(world: World) -> list[float]:
    """Return from when to when samples are, in intervals of 5 s since the first possible one."""
    return [(sample.at - START - PHASE_S) / 5.0 for sample in world.samples()]


def test_samples_are_taken_at_multiples_of_the_interval_plus_the_members_phase() -> None:
    world = World(until_s=PHASE_S + 22.0)
    world.agent(interval_s=5.0).run(world.wait)

    assert steps(world) == pytest.approx([0, 1, 2, 3, 4], abs=1e-5)


def test_a_sample_says_whose_it_is_and_what_was_measured() -> None:
    world = World(until_s=PHASE_S + 3.0)
    world.agent(probe=lambda: False).run(world.wait)
    topic, sample, key = world.published[0]

    assert (topic, key) == (SAMPLES, b"default/shop")
    assert isinstance(sample, Health)
    assert (sample.tenant, sample.application, sample.cluster, sample.member) == ("default", "shop", "web", "web-1")
    assert (sample.load_average, sample.memory_consumption, sample.healthy) == (50.0, 25.0, False)


def test_without_a_probe_health_is_unknown() -> None:
    world = World(until_s=PHASE_S + 3.0)
    world.agent().run(world.wait)

    assert [sample.healthy for sample in world.samples()] == [None]


def test_a_slow_probe_costs_samples_but_those_taken_are_on_time() -> None:
    world = World(until_s=PHASE_S + 45.0)

    def slow() -> bool:
        world.time += 7.0
        return True

    world.agent(interval_s=5.0, probe=slow).run(world.wait)

    assert steps(world) == pytest.approx([0, 2, 4, 6, 8], abs=1e-5)


def test_a_clock_set_back_delays_the_next_sample_by_one_interval_at_most() -> None:
    world = World(until_s=30.0)

    def set_back(time: float) -> None:
        world.set_back_s = 3600.0 if time > 10.0 else 0.0

    world.on_wait = set_back
    world.agent(interval_s=5.0).run(world.wait)
    gaps = [b - a for a, b in zip(world.measured_at, world.measured_at[1:], strict=False)]

    assert max(gaps) <= 10.0
    assert len(world.samples()) >= 5


@pytest.mark.parametrize("with_log", [True, False], ids=["with a log", "without"])
def test_an_agent_does_not_outlive_its_instance(*, with_log: bool) -> None:
    world = World(until_s=1000.0)

    def die(time: float) -> None:
        world.usage = GONE if time > 12.0 else BUSY

    world.on_wait = die
    log = Log("app.log", [])
    world.agent(interval_s=5.0, logs=[log] if with_log else []).run(world.wait)
    gone = [sample for sample in world.samples() if sample.load_average is None]

    assert 12.0 + GONE_S <= world.time <= 12.0 + 5.0 + GONE_S + module.LOOK_S
    assert [(sample.load_average, sample.memory_consumption) for sample in gone] == [(None, None)] * len(gone)


def test_an_instance_that_comes_back_keeps_its_agent() -> None:
    world = World(until_s=60.0)

    def blink(time: float) -> None:
        world.usage = GONE if 12.0 < time < 14.0 else BUSY

    world.on_wait = blink
    world.agent(interval_s=1.0).run(world.wait)

    assert world.time >= 60.0


def test_a_line_says_whose_it_is_its_time_and_its_level() -> None:
    world = World(until_s=0.1)
    log = Log("/var/log/app.log", ["2024-05-01T11:59:58Z ERROR out of stock", "plain"])
    world.agent(logs=[log]).run(world.wait)
    topic, line, key = next(published for published in world.published if published[0] is LOGS)

    assert (topic, key) == (LOGS, b"web-1")
    assert isinstance(line, LogLine)
    assert (line.at, line.level, line.source) == (START - 2, "ERROR", "/var/log/app.log")
    assert (line.application, line.cluster, line.member, line.text) == (
        "shop",
        "web",
        "web-1",
        "2024-05-01T11:59:58Z ERROR out of stock",
    )
    assert world.lines()[1].level == ""
    assert world.lines()[1].at == pytest.approx(START, abs=1.0)


def test_a_flood_in_one_log_leaves_the_other_its_share() -> None:
    world = World(until_s=0.1)
    flood, calm = Log("flood", ["x"] * 10 * LINES), Log("calm", ["y"])
    world.agent(logs=[flood, calm]).run(world.wait)

    texts = [line.text for line in world.lines()]

    assert (texts.count("x"), texts.count("y")) == (LINES // 2, 1)


def test_the_last_lines_are_published_when_the_agent_ends() -> None:
    world = World(until_s=1.0)
    log = Log("app.log", [])

    def crash(time: float) -> None:
        if time >= 1.0:
            log.waiting = ["last words"]

    world.on_wait = crash
    world.agent(logs=[log]).run(world.wait)

    assert [line.text for line in world.lines()] == ["last words"]


def test_what_is_exported_is_published_when_it_changes(tmp_path: Path) -> None:
    world, file = World(until_s=30.0), tmp_path / "exports"
    told: list[str] = []

    def write(time: float) -> None:
        file.write_text(f"URL={'old' if time < 15 else 'new'}\nOTHER=1\n")

    world.on_wait = write
    world.agent(interval_s=5.0, exports=Exports(file, {"URL": "web-URL"}, tell=told.append)).run(world.wait)
    published = [
        (key, owner, record)
        for (topic, record, key), owner in zip(world.published, world.owners, strict=True)
        if topic is METADATA
    ]

    assert [(key, owner) for key, owner, _ in published] == [(b"default/shop/web-URL", b"default/shop")] * 2
    records = [record for _, _, record in published if isinstance(record, Metadata)]
    assert [(each.name, each.value, each.member) for each in records] == [
        ("web-URL", "old", "web-1"),
        ("web-URL", "new", "web-1"),
    ]
    assert records[1].at > records[0].at >= START
    assert len(told) == 1


@given(now=st.floats(0, 4e9), interval_s=st.sampled_from([0.5, 1.0, 5.0, 60.0]), member=st.text(max_size=10))
def test_the_next_sample_is_due_after_now_and_within_an_interval(now: float, interval_s: float, member: str) -> None:
    phase_s = phase_of(member, interval_s)
    due = next_due(now, interval_s=interval_s, phase_s=phase_s)

    assert now < due <= now + interval_s + 1e-5
    assert 0 <= phase_s < interval_s


def test_members_spread_over_the_interval() -> None:
    phases = [phase_of(f"web-{i}", 5.0) for i in range(200)]
    tenths = {int(phase / 0.5) for phase in phases}

    assert tenths == set(range(10))
