"""``pileus pause``, ``resume`` and ``explain`` on real brokers; a pause outlives the decider, and a new definition."""

import json
import time
from pathlib import Path

import pytest

import config
from actuators.decide import decide
from pileus.orders import read_orders
from pileus.stack.broker import Broker
from streams.admin import create_topics
from streams.partition import application_key, partition_of
from streams.records.control import CONTROL as ORDER
from streams.records.decision import DECISION, Code, Decision, Memory
from streams.topics import CONTROL, DECISIONS, INSTANCES, SAMPLES
from tests.actuator_builders import a_given
from tests.builders import a_forecast, a_policy, a_requests, an_instance
from tests.commanding import LIVE, Shell
from tests.pieces import START_S, Hand, Piece, Reader, fast, running
from tests.waiting import wait_until

DEMO = Path(config.__file__).parent / "definitions" / "demo"
PARTITIONS = 3
HOME = partition_of(application_key("default", "shop"), PARTITIONS)
AT = 1_780_488_240.0
"""2026-06-03T12:04:00Z."""
WHY = ("--reason", "migration", "--for", "2h", "--owner", "alice")


@pytest.fixture
def pileus(fresh_broker: Broker, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Each kind of broker in turn, with the demo's definitions."""
    create_topics(fresh_broker.address, partitions=PARTITIONS, replication=1)
    shell = Shell(fresh_broker, capsys)
    assert shell("apply", DEMO)[0] == 0
    return shell


def test_a_pause_is_ordered_listed_and_ended(pileus: Shell) -> None:
    code, out, _ = pileus("pause", "default/shop/web", *WHY)
    assert (code, out.startswith("paused     default/shop/web until ")) == (0, True)
    assert pileus("pause", "default", *WHY)[0] == 0

    with Reader(pileus.broker, [CONTROL], PARTITIONS) as reader:
        orders = reader.drained()
        keys = [[m.key.decode() for m in orders.of(CONTROL, p)] for p in range(PARTITIONS)]
        assert keys == [["default/shop/web", "default"] if p == HOME else ["default"] for p in range(PARTITIONS)]
        assert {o.owner for o in orders.records(CONTROL, ORDER)} == {"alice"}

    listed = pileus("pause")[1].splitlines()
    assert [line.split()[0] for line in listed] == ["default", "default/shop/web"]
    assert all(line.endswith(": migration") for line in listed)

    code, out, _ = pileus("resume", "default/shop/web", "--owner", "bob")
    assert (code, out.splitlines()[0]) == (0, "resumed    default/shop/web")
    assert out.splitlines()[1].startswith("still paused: default until ")
    assert pileus("resume", "default/shop/web")[0] == 1
    assert pileus("resume", "default")[0] == 0
    assert pileus("pause")[:2] == (0, "")
    assert read_orders(pileus.broker)["default/shop/web"].owner == "bob"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("default/shop",), 2, "--reason and --for are needed", id="without a reason"),
        pytest.param(("default/shp", *WHY), 1, "did you mean 'shop'?", id="no such application"),
        pytest.param(("shop", *WHY), 1, "did you mean 'default/shop'?", id="an application without its tenant"),
        pytest.param(("default/shop/wbe", *WHY), 1, "did you mean 'web'?", id="no such cluster"),
        pytest.param(("a/b/c/d", *WHY), 2, "must be TENANT", id="no scope"),
    ],
)
def test_a_pause_of_nothing_is_refused(
    fresh_tansu: Broker, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    create_topics(fresh_tansu.address, partitions=1, replication=1)
    shell = Shell(fresh_tansu, capsys)
    assert shell("apply", DEMO)[0] == 0

    found, out, err = shell("pause", *words)

    assert (found, out, said in err) == (code, "", True)


def decisions(count: int) -> list[Decision]:
    """Return a decision per second of a cluster whose load grows."""
    return [
        decide(
            a_given(a_forecast(requests=10.0 * (i + 1), serving=4), policy=a_policy(), memory=Memory(wanted=i or 1)),
            at=AT + i,
        )[0]
        for i in range(count)
    ]


def test_a_decision_is_found_and_told(pileus: Shell) -> None:
    hand = Hand(pileus.broker)
    hand.write(INSTANCES, HOME, an_instance(), an_instance("other-web", application="other", alias="front"))
    hand.write(DECISIONS, HOME, *decisions(5), key="shop-web")
    hand.write(DECISIONS, HOME, *[b"{}"] * 3, *[decisions(1)[0]] * 2500, key="other-web")
    hand.close()

    code, out, _ = pileus("explain", "shop-web")
    assert (code, out.splitlines()[0]) == (0, "shop-web at 2026-06-03T12:04:04Z: 5 members wanted, 4 before")
    assert pileus("explain", "shop/web")[1] == out

    code, out, _ = pileus("explain", "shop-web", "--at", "2026-06-03T12:04:02.5Z")
    assert (code, out.splitlines()[0]) == (0, "shop-web at 2026-06-03T12:04:02Z: 3 members wanted, 2 before")
    assert out.splitlines()[-1] == "the next one: 2026-06-03T12:04:03Z, 4 wanted"
    code, out, _ = pileus("explain", "shop-web", "-o", "json")
    assert json.loads(out)["otherwise"]["asked"] == 5

    code, out, err = pileus("explain", "shop-web", "--at", "2026-06-03")
    assert (code, out) == (1, "")
    assert "no decision of shop-web until 2026-06-03T00:00:00Z; the first one is of 2026-06-03T12:04:00Z" in err
    assert pileus("explain", "shop-wbe")[2] == "pileus explain: no cluster shop-wbe, did you mean 'shop-web'?\n"
    assert pileus("explain", "shop-web", "--at", "noon")[0] == 2


def test_a_pause_outlives_the_decider_and_a_new_definition(
    fresh_broker: Broker, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings = fast(fresh_broker.address, tmp_path / "state", partitions=1, heartbeat_s=1.0)
    create_topics(fresh_broker.address, partitions=1, replication=1)
    pileus, hand = Shell(fresh_broker, capsys), Hand(fresh_broker.address)
    quick = LIVE.replace(
        "behavior: {", "behavior: {scaleUp: {policies: [{type: Percent, value: 900, periodSeconds: 1}]}, "
    )
    (given := tmp_path / "all.yaml").write_text(quick % 8)
    assert pileus("apply", given)[0] == 0
    worker, decider = (Piece(name, settings, tmp_path) for name in ("worker", "actuate"))

    with running(worker, decider), Reader(fresh_broker.address, [DECISIONS], 1) as reader:

        def newest(requests: float) -> Decision | None:
            hand.write(SAMPLES, 0, a_requests(requests, at=time.time(), interval_s=0.5))
            found: list[Decision] = reader.look().records(DECISIONS, DECISION)
            return found[-1] if found else None

        def held(requests: float, *, asked: int, since: float = 0.0) -> Decision | None:
            found = newest(requests)
            if found is None or found.at <= since or found.reasons[-1].code is not Code.PAUSED:
                return None
            return found if found.otherwise is not None and found.otherwise.asked == asked else None

        def wants(requests: float, members: int) -> bool:
            found = newest(requests)
            return found is not None and found.wanted == members

        wait_until(lambda: wants(16.0, 2), within_s=START_S, what="two members for 16 requests")
        assert pileus("pause", "default/shop", *WHY)[0] == 0
        first = wait_until(lambda: held(16.0, asked=2), within_s=START_S, what="a decision that is paused")
        assert first
        wait_until(
            lambda: held(16.0, asked=2, since=first.at), within_s=START_S, what="the next one: the pause is kept"
        )

        killed = time.time()
        decider.kill()
        decider.start()
        given.write_text(quick % 4)
        assert pileus("apply", given)[0] == 0
        found = wait_until(
            lambda: held(80.0, asked=20, since=killed),
            within_s=START_S,
            what="it is paused for the next decider too, which would have 20",
        )
        assert found
        code, out, _ = pileus("explain", "shop-web", "--at", found.at)
        assert (code, "held at 2 by the pause (Paused) until " in out) == (0, True), out

        assert pileus("resume", "default/shop")[0] == 0
        wait_until(lambda: wants(80.0, 20), within_s=START_S, what="twenty members for 80 requests at 4 each")
        assert worker.alive()
    hand.close()
