"""Which containers are ours, and what their states mean."""

from typing import Any

import pytest

from actuators.clouds.docker_box import Phase, box, labels, tombstone
from streams.records.action import Launch
from tests.clouds import a_place

OURS = labels(a_place(), Launch(health="tcp", exports=["web-URL", "web-USER"]), stack="one", port=9000)


def listed(**changes: Any) -> dict[str, Any]:
    return {"Id": "a" * 64, "Names": ["/shop-web-1"], "Labels": OURS, "State": "running"} | changes


def test_what_is_written_on_a_container_is_read_from_it() -> None:
    found = box(listed(), stack="one")

    assert found is not None
    assert (found.where, found.port, found.phase) == (a_place(), 9000, Phase.ALIVE)
    assert (found.health, found.exports) == ("tcp", ("web-URL", "web-USER"))
    assert found.instance("127.0.0.1").instance == "container-aaaaaaaaaaaa"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"Labels": None}, id="no labels"),
        pytest.param({"Labels": OURS | {"pileus.stack": "two"}}, id="another stack's"),
        pytest.param({"Labels": {k: v for k, v in OURS.items() if k != "pileus.partition"}}, id="a label less"),
        pytest.param({"Labels": OURS | {"pileus.port": "x"}}, id="a port that is none"),
        pytest.param({"Names": ["/other"]}, id="under another name"),
        pytest.param({"Names": None}, id="without a name"),
        pytest.param({"State": "unheard-of"}, id="in a state that is none"),
    ],
)
def test_what_is_not_wholly_ours_is_not_seen(changes: dict[str, Any]) -> None:
    assert box(listed(**changes), stack="one") is None


@pytest.mark.parametrize(
    ("state", "phase", "port"),
    [
        ("created", Phase.CREATED, 0),
        ("running", Phase.ALIVE, 9000),
        ("paused", Phase.ALIVE, 9000),
        ("exited", Phase.ENDED, 0),
        ("dead", Phase.ENDED, 0),
        ("removing", Phase.ENDED, 0),
    ],
)
def test_states(state: str, phase: Phase, port: int) -> None:
    found = box(listed(State=state), stack="one")

    assert found is not None
    assert (found.phase, found.instance("127.0.0.1").port) == (phase, port)


def test_no_two_members_share_a_tombstone() -> None:
    assert tombstone("b-1", stack="a") != tombstone("1", stack="a-b")
