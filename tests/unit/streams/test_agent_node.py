"""The loop of the node agent, in virtual time."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import msgspec
import pytest

from streams.agent import node as module
from streams.agent.agent import GONE_S, LOOK_S, phase_of
from streams.agent.beside import Beside, Identity
from streams.agent.measure import GONE, Usage
from streams.agent.node import Node, Opened
from streams.agent.probe import Probe
from streams.agent.watched import Found, Watched
from streams.records.columns import as_columns, unpack_all
from streams.records.log import LogLine
from streams.records.record import Record
from streams.records.sample import SAMPLE, Health
from streams.topics import SAMPLES, Topic

START = 1_714_564_800.0
PHASE_S = phase_of("host", 5.0)
PROBE = Probe(host="127.0.0.1", port=1, timeout_s=1.0)


def an_instance(
    member: str, *, application: str = "shop", cluster: str = "web", measure: str = "pid:1", probe: Probe | None = None
) -> Watched:
    who = Identity(tenant="default", application=application, cluster=cluster, member=member)
    return Watched(who=who, measure=measure, probe=probe)


class Log:
    """A log in memory."""

    name = "app.log"

    def __init__(self) -> None:
        self.waiting: list[str] = []

    def lines(self, limit: int) -> list[str]:
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken


class World:
    """Time that passes only when somebody waits, instances, and a place for records."""

    def __init__(self, *instances: Watched, until_s: float = PHASE_S + 12.0) -> None:
        self.time = 0.0
        self.set_back_s = 0.0
        self.until_s = until_s
        self.there: list[Watched] = list(instances)
        self.away = ""
        self.usage: dict[str, Usage] = {}
        self.answers: dict[str, bool] = {}
        self.asked: list[tuple[float, list[str], float]] = []
        self.opened: list[str] = []
        self.ended: list[str] = []
        self.logs: dict[str, Log] = {}
        self.told: list[str] = []
        self.published: list[tuple[float, Topic, Record | bytes, bytes]] = []
        self.on_wait: Callable[[float], None] = lambda _time: None

    def node(self, *, form: str = "json", interval_s: float = 5.0) -> Node:
        return Node(
            "host",
            finds={"here": self.find},
            open_=self.open,
            ask=self.ask,
            publisher=self,
            interval_s=interval_s,
            form=form,
            now=self.now,
            clock=lambda: self.time,
            tell=self.told.append,
        )

    def run(self, node: Node) -> None:
        """Look at every wait, and measure, until the end."""

        def wait(seconds: float) -> bool:
            assert seconds >= 0
            self.time += seconds
            self.on_wait(self.time)
            node.look()
            return self.time >= self.until_s

        node.look()
        node.run(wait)

    def now(self) -> float:
        return START + self.time - self.set_back_s

    def find(self) -> Found:
        if self.away:
            raise OSError(self.away)
        return {each.who: each for each in self.there}

    def open(self, watched: Watched) -> Opened:
        member, world = watched.who.member, self
        self.opened.append(f"{member} {watched.measure}")
        log = self.logs.setdefault(member, Log())

        class Source:
            def measure(self, at: float) -> Usage:
                assert at == world.time
                return world.usage.get(member, Usage(load_average=100 / 3, memory_consumption=25.0))

        beside = Beside(watched.who, publisher=self, now=self.now, logs=[log])
        return Opened(watched, Source(), beside, lambda: self.ended.append(f"{member} {watched.measure}"))

    def ask(self, probes: Mapping[Identity, Probe], *, within_s: float) -> dict[Identity, bool]:
        self.asked.append((self.time, [who.member for who in probes], within_s))
        slow = [who for who in probes if who.member not in self.answers]
        self.time += max((probes[who].timeout_s for who in slow), default=0.0)
        return {who: self.answers.get(who.member, False) for who in probes}

    def publish(self, topic: Topic, record: Record | bytes, *, key: bytes, owner: bytes | None = None) -> None:
        assert owner is None
        self.published.append((self.time, topic, record, key))

    def messages(self) -> list[tuple[float, bytes, bytes]]:
        return [(at, r, key) for at, topic, r, key in self.published if topic is SAMPLES and isinstance(r, bytes)]

    def samples(self) -> list[Health]:
        return [sample for _, raw, _ in self.messages() for sample in rows(raw)]

    def lines(self) -> list[str]:
        return [record.text for _, _, record, _ in self.published if isinstance(record, LogLine)]


def rows(raw: bytes) -> list[Health]:
    """Return the single samples of an envelope."""
    if raw[:1] != b"{":
        return [block.row(i) for block in unpack_all(raw) for i in range(block.at.size)]
    sample = SAMPLE.decode(raw)
    assert not isinstance(sample, Health)
    packed = msgspec.json.decode(raw)
    n = len(packed["member"])
    return [
        Health(
            application=packed["application"],
            cluster=packed.get("cluster") or packed["clusters"][i],
            member=packed["member"][i],
            at=packed["at"][i],
            load_average=(packed["load_average"] or [None] * n)[i],
            memory_consumption=(packed["memory_consumption"] or [None] * n)[i],
            healthy=(packed["healthy"] or [None] * n)[i],
        )
        for i in range(n)
    ]


@pytest.mark.parametrize("form", ["json", "binary"])
def test_all_instances_of_an_application_are_one_message_at_multiples_of_the_interval(form: str) -> None:
    world = World(
        an_instance("web-1"), an_instance("web-2"), an_instance("db-1", cluster="db"), an_instance("x", application="x")
    )
    world.run(world.node(form=form))
    messages = world.messages()

    assert [(round(at - PHASE_S, 3), key) for at, _, key in messages] == [
        (5.0 * k, key) for k in range(3) for key in (b"default/shop", b"default/x")
    ]
    assert [(row.cluster, row.member) for row in rows(messages[0][1])] == [
        ("db", "db-1"),
        ("web", "web-1"),
        ("web", "web-2"),
    ]
    assert {row.at for row in rows(messages[0][1])} == {round(START + PHASE_S, 3)}


@pytest.mark.parametrize(("form", "load"), [("json", 33.333), ("binary", 33.33333206176758)])
def test_what_was_measured_is_told_as_exactly_as_the_form_does(form: str, load: float) -> None:
    world = World(an_instance("web-1"))
    world.run(world.node(form=form))
    first = world.samples()[0]

    assert (first.load_average, first.memory_consumption, first.healthy) == (load, 25.0, None)


def test_probes_are_asked_before_a_sample_for_as_long_as_they_may_take() -> None:
    world = World(an_instance("web-1", probe=PROBE), an_instance("web-2", probe=PROBE), an_instance("web-3"))
    world.answers = {"web-1": True, "web-2": False}
    world.run(world.node())
    at, asked, within_s = world.asked[0]

    assert (round(PHASE_S - at, 3), asked, within_s) == (1.25, ["web-1", "web-2"], 1.25)
    assert [row.healthy for row in world.samples()[:3]] == [True, False, None]


def test_a_probe_that_hangs_delays_no_sample_of_anybody() -> None:
    world = World(an_instance("web-1", probe=PROBE), an_instance("web-2", probe=PROBE))
    world.answers = {"web-1": True}
    world.run(world.node())

    assert [(round(at - PHASE_S, 3), [row.healthy for row in rows(raw)]) for at, raw, _ in world.messages()] == [
        (5.0 * k, [True, False]) for k in range(3)
    ]


def test_who_was_not_asked_in_time_is_neither_well_nor_ill_and_comes_first_in_the_next_round() -> None:
    world = World(an_instance("web-1", probe=PROBE), an_instance("web-2", probe=PROBE))
    node = world.node()

    def one(probes: Mapping[Identity, Probe], *, within_s: float) -> dict[Identity, bool]:
        world.asked.append((world.time, [who.member for who in probes], within_s))
        return {next(iter(probes)): True}

    world.ask = one  # type: ignore[method-assign]
    node = world.node()
    world.run(node)

    assert [asked for _, asked, _ in world.asked] == [["web-1", "web-2"], ["web-2", "web-1"], ["web-1", "web-2"]]
    assert [row.healthy for row in world.samples()] == [True, None, None, True, True, None]


def test_without_descriptors_for_probes_everybody_is_measured() -> None:
    world = World(an_instance("web-1", probe=PROBE))

    def full(probes: Mapping[Identity, Probe], *, within_s: float) -> dict[Identity, bool]:
        raise OSError(24, f"too many open files for {len(probes)} in {within_s}")

    world.ask = full  # type: ignore[method-assign]
    world.run(world.node())

    assert [(row.load_average is None, row.healthy) for row in world.samples()] == [(False, None)] * 3
    assert len(world.told) == 1


def test_new_instances_are_seen_and_ended_ones_dropped() -> None:
    world = World(an_instance("web-1"))

    def change(time: float) -> None:
        world.there = [an_instance("web-2")] if time > PHASE_S + 1 else [an_instance("web-1")]

    world.on_wait = change
    world.run(world.node())

    assert [row.member for row in world.samples()] == ["web-1", "web-2", "web-2"]
    assert (world.opened, world.ended) == (["web-1 pid:1", "web-2 pid:1"], ["web-1 pid:1"])


def test_another_process_of_the_same_member_is_another_instance() -> None:
    world = World(an_instance("web-1"))

    def change(time: float) -> None:
        world.there = [an_instance("web-1", measure="pid:2" if time > PHASE_S + 1 else "pid:1")]

    world.on_wait = change
    world.run(world.node())

    assert (world.opened, world.ended) == (["web-1 pid:1", "web-1 pid:2"], ["web-1 pid:1"])
    assert [row.member for row in world.samples()] == ["web-1"] * 3


def test_while_it_cannot_be_seen_who_is_there_those_known_are_watched() -> None:
    world = World(an_instance("web-1"))

    def go_away(time: float) -> None:
        world.away = "no engine" if PHASE_S + 1 < time < PHASE_S + 9 else ""

    world.on_wait = go_away
    world.run(world.node())

    assert len(world.samples()) == 3
    assert world.ended == []
    assert world.told == ["here: no engine", "here: all right again"]


def test_an_instance_that_is_gone_is_silent_after_a_while_and_heard_when_it_is_back() -> None:
    world = World(an_instance("web-1"), an_instance("web-2"), until_s=40.0)

    def blink(time: float) -> None:
        world.usage["web-1"] = GONE if 10.0 < time < 25.0 else Usage(load_average=1.0, memory_consumption=2.0)

    world.on_wait = blink
    world.run(world.node(interval_s=1.0))
    heard = [row.at - START for row in world.samples() if row.member == "web-1"]
    gap = max(b - a for a, b in pairwise(heard))

    assert gap == pytest.approx(25.0 - 10.0 - GONE_S, abs=1.5)
    assert len([row for row in world.samples() if row.member == "web-2"]) >= 38


def test_a_clock_set_back_delays_the_next_sample_by_one_interval_at_most() -> None:
    world = World(an_instance("web-1", probe=PROBE), until_s=30.0)
    world.answers = {"web-1": True}

    def set_back(time: float) -> None:
        world.set_back_s = 3600.0 if time > 10.0 else 0.0

    world.on_wait = set_back
    world.run(world.node())
    times = [at for at, _, _ in world.messages()]

    assert max(b - a for a, b in pairwise(times)) <= 10.0 + 1.25
    assert len(times) >= 4


def test_the_last_lines_of_an_instance_are_published_when_it_is_dropped() -> None:
    world = World(an_instance("web-1"))
    node = world.node()
    node.look()
    world.logs["web-1"].waiting = ["one"]
    node.look()
    world.logs["web-1"].waiting = ["last words"]
    world.there = []
    node.look()

    assert (world.lines(), world.ended) == (["one", "last words"], ["web-1 pid:1"])


def test_following_lets_go_of_everybody_at_the_end() -> None:
    world = World(an_instance("web-1"), an_instance("web-2"))
    node, waits = world.node(), list[float]()

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        world.time += seconds
        return len(waits) == 3

    node.follow(wait)

    assert waits == [LOOK_S] * 3
    assert world.ended == ["web-1 pid:1", "web-2 pid:1"]


def test_looking_takes_a_bounded_share_of_the_time() -> None:
    world, waits = World(), list[float]()
    node = world.node()

    def slow() -> Found:
        world.time += 2.0
        return {}

    world.find = slow  # type: ignore[method-assign]
    node = world.node()

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == 3

    node.follow(wait)

    assert waits == [LOOK_S, 2.0 / module.SHARE, 2.0 / module.SHARE]


def test_more_instances_than_are_watched_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    world = World(*(an_instance(f"web-{i}") for i in (3, 1, 2)))
    world.run(world.node())

    assert {row.member for row in world.samples()} == {"web-1", "web-2"}
    assert world.told == ["instances: there are 3, 2 are watched"]


def test_a_thousand_samples_are_the_most_of_one_message() -> None:
    world = World(*(an_instance(f"web-{i}") for i in range(1500)), until_s=PHASE_S + 1.0)
    world.run(world.node(form="binary"))

    assert [len(rows(raw)) for _, raw, _ in world.messages()] == [1000, 500]
    assert len({row.member for row in world.samples()}) == 1500
    assert all(as_columns(*unpack_all(raw)).clusters is None for _, raw, _ in world.messages())
