"""Who should be routed: a table."""

import msgspec
import pytest

from actuators.lb_desired import candidates, desired
from streams.records.member import Member, State

S, A, D, T, C = State.STARTING, State.ACTIVE, State.DRAINING, State.TERMINATING, State.CREATED


def a_member(
    name: str, state: State, *, host: str = "127.0.0.1", port: int = 9001, cluster: str = "shop-web"
) -> Member:
    return Member(
        member=name,
        tenant="default",
        application="shop",
        cluster=cluster,
        cartridge="web",
        network_partition="here",
        partition="p1",
        state=state,
        at=0.0,
        epoch=0,
        host=host,
        port=port,
    )


def test_a_target_carries_the_clouds_name_of_the_instance_and_is_the_same_target_without_it() -> None:
    (target,) = candidates({"a": msgspec.structs.replace(a_member("a", A), instance="i-1")})

    assert target.instance == "i-1"
    assert target == candidates({"a": a_member("a", A)})[0]


@pytest.mark.parametrize(
    ("states", "fails", "routed", "targets", "held"),
    [
        pytest.param({}, {}, "", "", "", id="nobody"),
        pytest.param({"a": S, "b": A}, {"a": 0, "b": 0}, "", "ab", "", id="who starts or serves and answers enters"),
        pytest.param({"a": A}, {}, "", "", "", id="who was never asked does not enter"),
        pytest.param({"a": A}, {"a": 1}, "", "", "", id="who does not answer does not enter"),
        pytest.param({"a": A, "b": A}, {}, "ab", "ab", "", id="who is routed stays until it was asked"),
        pytest.param({"a": A, "b": A}, {"a": 1, "b": 0}, "ab", "ab", "", id="one failure is not enough"),
        pytest.param({"a": A, "b": A}, {"a": 2, "b": 0}, "ab", "b", "", id="two are"),
        pytest.param({"a": A, "b": A}, {"a": 2, "b": 9}, "ab", "ab", "ab", id="all fail at once: all are kept"),
        pytest.param({"a": A, "b": A}, {"a": 2, "b": 2}, "a", "a", "a", id="kept are only those that were routed"),
        pytest.param({"a": A, "b": S}, {"a": 2, "b": 0}, "a", "b", "", id="a new one that answers lets go of them"),
        pytest.param(
            {"a": D, "b": A}, {"a": 0, "b": 2}, "ab", "b", "b", id="the last one is kept while another drains"
        ),
        pytest.param({"a": D, "b": A}, {"b": 0}, "ab", "b", "", id="who drains goes out, whatever it answers"),
        pytest.param({"a": D}, {}, "a", "", "", id="the only one may drain"),
        pytest.param({"a": T, "b": C}, {"a": 0, "b": 0}, "ab", "", "", id="who ends or was only asked for is out"),
        pytest.param({"b": A}, {"b": 0}, "ab", "b", "", id="who is not in the log is out"),
    ],
)
def test_desired(states: dict[str, State], fails: dict[str, int], routed: str, targets: str, held: str) -> None:
    members = {name: a_member(name, state) for name, state in states.items()}

    answer = desired(members, fails=fails, routed=set(routed))

    assert ("".join(t.member for t in answer.targets), "".join(answer.held)) == (targets, held)


def test_a_member_whose_address_is_unknown_is_no_candidate() -> None:
    members = {"a": a_member("a", A, host=""), "b": a_member("b", A, port=0), "c": a_member("c", A, port=7)}

    assert [(t.member, t.host, t.port) for t in candidates(members)] == [("c", "127.0.0.1", 7)]
