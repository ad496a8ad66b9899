"""``pileus apply | diff | get | delete`` on real brokers, and a change taken over by running parts."""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

import config
from pileus.stack.broker import Broker
from streams.admin import create_topics, publish_definitions
from streams.records.decision import DECISION, Decision
from streams.topics import DECISIONS, DEFINITIONS, SAMPLES
from tests.builders import a_requests
from tests.commanding import AROUND, POLICY, Shell
from tests.pieces import START_S, Hand, Piece, Reader, fast, running
from tests.unit.config.composites import composite
from tests.unit.config.documents import write
from tests.waiting import wait_until

DEMO = Path(config.__file__).parent / "definitions" / "demo"


@pytest.fixture
def pileus(fresh_broker: Broker, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Each kind of broker in turn, with topics and no definitions."""
    create_topics(fresh_broker.address, partitions=1, replication=1)
    return Shell(fresh_broker, capsys)


def on_topic(broker: str) -> list[tuple[str, bytes | None]]:
    with Reader(broker, [DEFINITIONS], 1) as reader:
        return [(m.key.decode(), m.value) for m in reader.drained().of(DEFINITIONS)]


def test_definitions_are_applied_compared_shown_and_deleted(pileus: Shell, tmp_path: Path) -> None:
    code, out, _ = pileus("apply", DEMO, "--dry-run")
    assert (code, out.splitlines()[-1]) == (0, "6 new, 0 changed, 0 unchanged")
    assert pileus("diff", DEMO)[0] == 1
    assert on_topic(pileus.broker) == []

    code, out, _ = pileus("apply", DEMO)
    assert (code, out.splitlines()[-1]) == (0, f"applied to {pileus.broker}")
    assert len(on_topic(pileus.broker)) == 6
    code, out, _ = pileus("apply", DEMO)
    assert (code, out.splitlines()[-1]) == (0, "0 new, 0 changed, 6 unchanged")
    assert len(on_topic(pileus.broker)) == 6  # what is unchanged is not published again

    shown = tmp_path / "all.yaml"
    shown.write_text(pileus("get", "all", "-o", "yaml")[1])
    assert pileus("diff", shown)[:2] == (0, pileus("diff", DEMO)[1])

    (policy := tmp_path / "policy.yaml").write_text(pileus("get", "autoscalingPolicy", "demo")[1])
    policy.write_text(policy.read_text().replace("threshold: 8.0", "threshold: 12"))
    code, out, _ = pileus("diff", policy)
    assert code == 1
    assert "$.loadThresholds.requestsInFlight.threshold: 8 -> 12" in out
    assert pileus("apply", policy)[0] == 0
    assert [key for key, _ in on_topic(pileus.broker)[6:]] == ["autoscalingPolicy/default/demo"]

    code, _, err = pileus("delete", "networkPartition", "local")
    assert code == 1
    assert err.splitlines() == [
        "pileus delete: networkPartition local is in use by",
        "  applicationPolicy demo: $.networkPartitions[0]",
        "  deploymentPolicy demo: $.networkPartitions[0].id",
    ]
    code, said, _ = pileus("delete", "application", "shop")
    assert (code, said.splitlines()[0]) == (0, "deleted    application shop")
    assert "pileus status shop" in said
    assert on_topic(pileus.broker)[-1] == ("application/default/shop", None)
    assert pileus("get", "application", "shop")[0] == 1
    assert "shop" not in pileus("get", "all")[1]
    assert pileus("delete", "application", "shop")[0] == 1


def test_every_kind_and_its_secrets_go_there_and_back(pileus: Shell, tmp_path: Path) -> None:
    (folder := tmp_path / "given").mkdir()
    write(folder, composite() | {"secret.json": _secret("hunter2")})
    assert pileus("apply", folder)[0] == 0
    publish_definitions(
        pileus.broker, [("tenant/default/acme.org", b'{"tenantDomain":"acme.org","adminPassword":"hunter2"}')]
    )

    outputs = [pileus(*words)[1] for words in (("get", "all", "-o", "yaml"), ("get", "all", "-o", "json"))]
    assert not [each for each in outputs if "hunter2" in each]
    assert [each.count("***") for each in outputs] == [2, 2]
    (again := tmp_path / "again.yaml").write_text(outputs[0])
    code, out, _ = pileus("diff", again)
    assert (code, out.splitlines()[-1]) == (0, "0 new, 0 changed, 9 unchanged")

    (folder / "secret.json").write_text(yaml.safe_dump(_secret("hunter3")))
    (folder / "secret.json").rename(folder / "secret.yaml")
    code, out, err = pileus("diff", folder)
    assert code == 1
    assert "$.property[0].value: *** -> ***" in out
    assert "hunter" not in out + err


def _secret(value: str) -> dict[str, Any]:
    name = "payload_parameter.DB_PASSWORD"
    given = {"type": "db", "category": "data", "iaasProvider": [{"type": "mock"}]}
    return given | {"property": [{"name": name, "value": value}]}


def test_what_is_wrong_is_refused_whole(pileus: Shell, tmp_path: Path) -> None:
    assert pileus("apply", DEMO)[0] == 0
    good = "kind: autoscalingPolicy\nid: new\nloadThresholds: {loadAverage: {threshold: 70}}\n"
    bad = good.replace("70", "-1").replace("new", "bad")
    (tmp_path / "both.yaml").write_text(f"{good}---\n{bad}")

    for command, refused in (("apply", 1), ("diff", 2)):
        code, out, err = pileus(command, tmp_path)
        assert (code, out) == (refused, "")
        assert err.startswith("error: ")
        assert err.endswith("both.yaml#2: $.loadThresholds.loadAverage.threshold = -1: must be greater than 0\n")
    assert len(on_topic(pileus.broker)) == 6


def test_the_definitions_in_force_are_drawn(pileus: Shell) -> None:
    assert pileus("apply", DEMO)[0] == 0

    code, out, _ = pileus("graph", "shop")

    assert (code, out.splitlines()[0]) == (0, "application shop (tenant default)")


def test_a_broker_without_topics_is_left_as_it_is(
    fresh_tansu: Broker, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pileus = Shell(fresh_tansu, capsys)
    said = "the topic is missing, see 'pileus topics create'"

    for words, refused in (
        (("apply", DEMO), 1),
        (("diff", DEMO), 2),
        (("get", "all"), 1),
        (("delete", "tenant", "x"), 1),
    ):
        code, _, err = pileus(*words)
        assert (code, said in err) == (refused, True)


def test_a_threshold_that_is_applied_counts_in_the_next_decisions(
    fresh_tansu: Broker, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings = fast(fresh_tansu.address, tmp_path / "state", partitions=1, heartbeat_s=1.0)
    create_topics(fresh_tansu.address, partitions=1, replication=1)
    pileus = Shell(fresh_tansu, capsys)
    (policy := tmp_path / "policy.yaml").write_text(POLICY % 8)
    (rest := tmp_path / "rest.yaml").write_text(AROUND)
    assert pileus("apply", policy, rest)[0] == 0
    hand, parts = Hand(fresh_tansu.address), [Piece(name, settings, tmp_path) for name in ("worker", "actuate")]

    with running(*parts), Reader(fresh_tansu.address, [DECISIONS], 1) as reader:

        def decided(threshold: float) -> list[Decision]:
            hand.write(SAMPLES, 0, a_requests(40.0, at=time.time(), interval_s=0.5))
            found: list[Decision] = reader.look().records(DECISIONS, DECISION)
            return [each for each in found if each.given.policy.thresholds == {"requests_in_flight": threshold}]

        wait_until(lambda: decided(8.0), within_s=START_S, what="a decision under the first policy")
        policy.write_text(POLICY % 4)
        assert pileus("apply", policy)[0] == 0
        wait_until(lambda: decided(4.0), within_s=START_S, what="a decision under the changed policy")

        assert all(part.alive() for part in parts)
        assert max(each.at for each in decided(8.0)) < min(each.at for each in decided(4.0))
        assert {each.threshold for each in decided(4.0)[0].factors} == {4.0}
    hand.close()
