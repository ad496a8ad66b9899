"""``pileus shadow``, ``compare`` and ``promote`` on real brokers, with a worker and a decider that run as processes."""

import json
import time
from pathlib import Path

import pytest

from pileus.orders import read_shadows
from pileus.stack.broker import Broker
from streams.admin import create_topics
from streams.partition import application_key, partition_of
from streams.records.control import CONTROL as ORDER
from streams.records.decision import DECISION, Decision
from streams.records.member import MEMBERS as MEMBER
from streams.records.member import Member
from streams.topics import CONTROL, DECISIONS, MEMBERS, SAMPLES, SHADOW, Topic
from tests.builders import a_requests
from tests.commanding import LIVE, POLICY, Shell
from tests.pieces import START_S, Hand, Piece, Reader, fast, running
from tests.waiting import wait_until

OTHER = POLICY.replace("id: quick", "id: tight") % 4
HOME = partition_of(application_key("default", "shop"), 2)
WRONG = "kind: autoscalingPolicy\nid: x\nloadThresholds: {loadAverage: {threshold: -1}}\n"
KEY = "autoscalingPolicy/default/quick/shadow"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files with policies, right and wrong, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"live": LIVE % 8, "tight": OTHER, "wrong": WRONG, "all": f"{POLICY % 8}---{OTHER}"}.items():
        Path(f"{name}.yaml").write_text(text)


@pytest.fixture
def pileus(fresh_broker: Broker, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    """Each kind of broker in turn, with topics and a small application; the other policy stands in a file."""
    create_topics(fresh_broker.address, partitions=2, replication=1)
    shell = Shell(fresh_broker, capsys)
    (given := tmp_path / "all.yaml").write_text(LIVE % 8)
    (tmp_path / "tight.yaml").write_text(OTHER)
    assert shell("apply", given)[0] == 0
    return shell


def test_a_shadow_is_ordered_listed_and_ended(pileus: Shell, tmp_path: Path) -> None:
    file = tmp_path / "tight.yaml"
    code, out, _ = pileus("shadow", "quick", "--with", file, "--owner", "alice", "--reason", "cheaper")
    assert (code, out.splitlines()) == (
        0,
        [
            "shadow     tight decides beside quick for shop-web",
            "             $.loadThresholds.requestsInFlight.threshold: 8 -> 4",
        ],
    )
    with Reader(pileus.broker, [CONTROL], 2) as reader:
        orders = reader.drained()
        assert [[m.key.decode() for m in orders.of(CONTROL, p)] for p in range(2)] == [[KEY], [KEY]]
        assert {o.document["id"] for o in orders.records(CONTROL, ORDER)} == {"tight"}

    (line,) = pileus("shadow")[1].splitlines()
    assert line.startswith("quick  tight beside it since ")
    assert line.endswith(" by alice: cheaper")
    assert pileus("pause")[:2] == (0, ""), "a shadow is no pause"

    code, out, _ = pileus("shadow", "quick", "--predictor", "last")
    assert (code, out.splitlines()[1].strip()) == (0, '$.prediction.predictor: (none) -> "last"')
    assert read_shadows(pileus.broker)[KEY].document["prediction"] == {"predictor": "last"}  # type: ignore[index]

    assert pileus("shadow", "quick", "--end")[:2] == (0, "ended      the shadow of quick\n")
    assert pileus("shadow")[:2] == (0, "")
    assert pileus("shadow", "quick", "--end")[2] == "pileus shadow: no shadow decides beside quick\n"
    for command in ("compare", "promote"):
        code, _, err = pileus(command, "shop-web")
        assert (code, "no shadow decides for shop-web; begin one with 'pileus shadow quick --with FILE'" in err) == (
            1,
            True,
        )


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("quick",), 2, "--with FILE|ID, --predictor NAME or --end is needed", id="nothing to decide with"),
        pytest.param(("--with", "x"), 2, "POLICY is needed", id="no policy"),
        pytest.param(("quick", "--end", "--with", "x"), 2, "--end stands alone", id="begun and ended"),
        pytest.param(("quik", "--with", "tight"), 1, "no autoscalingPolicy quik, did you mean 'quick'?", id="no such"),
        pytest.param(("quick", "--with", "tigt"), 1, "must be a file or an autoscalingPolicy in force", id="no file"),
        pytest.param(("quick", "--with", "quick"), 1, "nothing differs from quick", id="itself"),
        pytest.param(("quick", "--predictor", "lst"), 1, "did you mean 'last'?", id="no such predictor"),
        pytest.param(("quick", "--with", "wrong.yaml"), 1, "= -1: must be greater than 0", id="a wrong policy"),
        pytest.param(("quick", "--with", "all.yaml"), 1, "must hold one autoscalingPolicy, it holds 2", id="two"),
        pytest.param(
            ("quick", "--with", "tight.yaml", "--cluster", "shop-wbe"), 1, "did you mean 'shop-web'?", id="no cluster"
        ),
    ],
)
def test_a_shadow_of_nothing_is_refused(
    fresh_tansu: Broker, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    create_topics(fresh_tansu.address, partitions=1, replication=1)
    shell = Shell(fresh_tansu, capsys)
    assert shell("apply", "live.yaml")[0] == 0

    found, out, err = shell("shadow", *words)

    assert (found, out, said in err) == (code, "", True), err
    assert shell("shadow")[1] == ""


def test_what_cannot_be_compared_is_told(
    fresh_tansu: Broker, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    create_topics(fresh_tansu.address, partitions=1, replication=1)
    shell = Shell(fresh_tansu, capsys)
    (given := tmp_path / "all.yaml").write_text(LIVE % 8)
    assert shell("apply", given)[0] == 0
    assert "no cluster and no autoscalingPolicy shop-wbe, did you mean 'shop-web'?" in shell("compare", "shop-wbe")[2]
    assert shell("shadow", "quick", "--predictor", "last")[0] == 0

    assert "has decided nothing yet" in shell("compare", "shop/web")[2]
    assert "the shadow has decided nothing for shop-web" in shell("promote", "quick")[2]


def test_a_shadow_decides_is_compared_outlives_the_decider_and_is_promoted(pileus: Shell, tmp_path: Path) -> None:
    settings = fast(pileus.broker, tmp_path / "state", heartbeat_s=1.0)
    hand, saved = Hand(pileus.broker), tmp_path / "before.yaml"
    worker, decider = (Piece(name, settings, tmp_path) for name in ("worker", "actuate"))

    with running(worker, decider), Reader(pileus.broker, [DECISIONS, SHADOW, MEMBERS], 2) as reader:

        def newest(topic: Topic) -> Decision | None:
            hand.write(SAMPLES, HOME, a_requests(40.0, at=time.time(), interval_s=0.5))
            found: list[Decision] = reader.look().records(topic, DECISION)
            return max(found, key=lambda each: each.at, default=None)

        def wants(topic: Topic, members: int, *, since: float = 0.0) -> bool:
            found = newest(topic)
            return found is not None and found.wanted == members and found.at > since

        wait_until(lambda: wants(DECISIONS, 5), within_s=START_S, what="five members for 40 requests at 8 each")
        assert pileus("shadow", "quick", "--with", tmp_path / "tight.yaml")[0] == 0
        wait_until(lambda: wants(SHADOW, 10), within_s=START_S, what="the shadow wants ten")
        assert wants(DECISIONS, 5)
        assert "web: the shadow tight would want 10 members" in pileus("status", "shop")[1]

        killed = time.time()
        decider.kill()
        decider.start()
        wait_until(lambda: wants(SHADOW, 10, since=killed), within_s=START_S, what="it decides after a restart too")
        after = [d for d in reader.records(SHADOW, DECISION) if d.at > killed]
        assert {d.before for d in after} == {10}, "it has not begun anew"

        code, out, _ = pileus("compare", "shop-web", "-o", "json")
        (compared,) = json.loads(out)["clusters"]
        assert (code, compared["in_force"]["wanted"], compared["shadow"]["wanted"]) == (0, 5, 10)
        assert compared["shadow"]["cost"] == pytest.approx(0.5 * compared["shadow"]["member_hours"])
        assert compared["largest_difference"] == 5
        code, out, _ = pileus("compare", "quick")
        assert (code, out.splitlines()[0].split(" since ")[0]) == (
            0,
            "shop-web: quick in force, tight as its shadow",
        )

        code, _, err = pileus("promote", "shop-web")
        assert (code, "at least 600 s are asked for; --now promotes all the same" in err) == (1, True)
        assert len({m.member for m in reader.look().records(MEMBERS, MEMBER) if isinstance(m, Member)}) == 5

        promoted = time.time()
        code, out, _ = pileus("promote", "shop-web", "--now", "--save", saved, "--owner", "bob", "--reason", "enough")
        assert (code, "$.loadThresholds.requestsInFlight.threshold: 8 -> 4" in out) == (0, True)
        assert out.splitlines()[-1] == f"to go back: pileus apply {saved}"
        wait_until(lambda: wants(DECISIONS, 10, since=promoted), within_s=START_S, what="ten by the promoted policy")
        mine = [d for d in reader.records(DECISIONS, DECISION) if d.at > promoted - 5.0]
        assert {d.before for d in mine} <= {5, 10}, "the number wanted goes on from where it was"
        end = read_shadows(pileus.broker)[KEY]
        assert (end.document, end.promoted, end.owner, end.reason) == (None, True, "bob", "enough")
        assert pileus("shadow")[1] == ""

        assert pileus("apply", saved)[0] == 0
        back = time.time()
        wait_until(lambda: wants(DECISIONS, 5, since=back), within_s=START_S, what="five again")
        assert worker.alive()
    hand.close()
