"""What every balancer adapter promises.

Tests that ask for ``serving`` are about requests that clients send and balancers count. Left out of these, and of
nothing else: ``elb``, whose API tells no such figures, and whose stand-in (moto) sends no requests to anybody.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actuators.ports import BalancerError, TargetState
from tests.balancing import until
from tests.contracts.balancer_rigs import CLUSTER, OTHER, MemoryRig, ProcessRig, Rig
from tests.contracts.elb_rig import ElbRig

REAL = [pytest.param(kind, marks=pytest.mark.integration) for kind in ("caddy", "haproxy", "nginx", "external")]
COUNTING = ["memory", *REAL]
ALL = [*COUNTING, pytest.param("elb", marks=pytest.mark.integration)]


async def _rig(request: pytest.FixtureRequest, directory: Path) -> Rig:
    if request.param == "memory":
        return MemoryRig()
    if request.param == "elb":
        return ElbRig(directory, request.getfixturevalue("ec2"))
    return await ProcessRig.start(request.param, directory)


@pytest.fixture(params=ALL)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    rig = await _rig(request, tmp_path / "balancer")
    yield rig
    await rig.close()


@pytest.fixture(params=COUNTING)
async def serving(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    rig = await _rig(request, tmp_path / "balancer")
    yield rig
    await rig.close()


def figure(rig: Rig, number: int) -> int | None:
    """Return what the balancer says of a number that it counts."""
    return number if rig.counts else None


async def states(rig: Rig) -> dict[str, TargetState]:
    return {state.target.member: state for state in (await rig.balancer.traffic(CLUSTER)).targets}


async def is_out(rig: Rig, member: str) -> bool:
    state = (await states(rig)).get(member)
    return state is None or not state.routed


async def test_at_first_nobody_is_routed_and_nothing_is_in_flight(rig: Rig) -> None:
    traffic = await rig.balancer.traffic(CLUSTER)

    assert (list(traffic.targets), traffic.in_flight, traffic.count) == ([], figure(rig, 0), figure(rig, 0))


async def test_applied_targets_are_routed(rig: Rig) -> None:
    await rig.balancer.apply(CLUSTER, rig.targets[:2])

    assert {m for m, state in (await states(rig)).items() if state.routed} == {"web-0", "web-1"}


async def test_each_clusters_targets_are_its_own(rig: Rig) -> None:
    await rig.balancer.apply(CLUSTER, rig.targets[:1])
    await rig.balancer.apply(OTHER, rig.targets[1:])

    web, api = await rig.balancer.traffic(CLUSTER), await rig.balancer.traffic(OTHER)
    assert [state.target for state in web.targets] == rig.targets[:1]
    assert [state.target for state in api.targets] == rig.targets[1:]


async def test_a_target_left_out_is_listed_until_its_requests_end(rig: Rig) -> None:
    await rig.balancer.apply(CLUSTER, rig.targets[:1])
    await rig.begin()
    await rig.balancer.apply(CLUSTER, rig.targets[1:])
    await until(lambda: is_out(rig, "web-0"))

    assert (await states(rig))["web-0"].in_flight == figure(rig, 1)
    await rig.finish()
    await until(lambda: _gone(rig, "web-0"))


async def test_applied_targets_receive_requests(serving: Rig) -> None:
    await serving.balancer.apply(CLUSTER, serving.targets[:2])

    async def both_serve() -> bool:
        await serving.begin()
        return {"web-0", "web-1"} <= set(serving.arrived())

    await until(both_serve)
    assert set(serving.arrived()) == {"web-0", "web-1"}


async def test_a_target_left_out_gets_no_request_from_when_it_is_said_to_be_out(serving: Rig) -> None:
    await serving.balancer.apply(CLUSTER, serving.targets)
    sending = asyncio.create_task(_send_for_ever(serving))
    try:
        await until(lambda: _served(serving, "web-1"))
        await serving.balancer.apply(CLUSTER, [serving.targets[0], serving.targets[2]])
        await until(lambda: is_out(serving, "web-1"))
        before = serving.arrived()
        await until(lambda: _more(serving, sum(before.values()) + 50))
    finally:
        sending.cancel()

    assert serving.arrived()["web-1"] == before["web-1"]


async def test_requests_of_a_target_left_out_are_counted_until_they_end(serving: Rig) -> None:
    await serving.balancer.apply(CLUSTER, serving.targets[:1])
    await serving.begin()
    await serving.begin()
    await serving.balancer.apply(CLUSTER, serving.targets[1:])
    await until(lambda: is_out(serving, "web-0"))

    left = (await states(serving))["web-0"]
    assert (left.routed, left.in_flight) == (False, 2)
    assert (await serving.balancer.traffic(CLUSTER)).in_flight == 2

    await serving.finish()
    await until(lambda: _gone(serving, "web-0"))
    assert (await serving.balancer.traffic(CLUSTER)).count == 2


async def test_applying_twice_has_the_effect_of_once(rig: Rig) -> None:
    await rig.balancer.apply(CLUSTER, rig.targets[:2])
    before = await rig.balancer.traffic(CLUSTER)
    await rig.balancer.apply(CLUSTER, rig.targets[:2])

    assert await rig.balancer.traffic(CLUSTER) == before


async def test_a_target_can_come_back_while_it_drains(rig: Rig) -> None:
    await rig.balancer.apply(CLUSTER, rig.targets[:1])
    await rig.begin()
    await rig.balancer.apply(CLUSTER, rig.targets[1:2])
    await until(lambda: is_out(rig, "web-0"))
    await rig.balancer.apply(CLUSTER, rig.targets[:2])

    assert [(m, s.routed) for m, s in (await states(rig)).items()] == [("web-0", True), ("web-1", True)]
    assert (await states(rig))["web-0"].in_flight == figure(rig, 1)


async def test_a_new_adapter_sees_who_is_routed_and_who_drains(rig: Rig) -> None:
    await rig.balancer.apply(CLUSTER, rig.targets[:1])
    await rig.begin()
    await rig.balancer.apply(CLUSTER, rig.targets[1:])
    await until(lambda: is_out(rig, "web-0"))

    rig.balancer = rig.again()
    await until(lambda: is_out(rig, "web-0"))

    seen = {m: (s.routed, s.in_flight) for m, s in (await states(rig)).items()}
    assert seen == {
        "web-0": (False, figure(rig, 1)),
        "web-1": (True, figure(rig, 0)),
        "web-2": (True, figure(rig, 0)),
    }


async def test_a_request_that_finds_no_member_waits_and_is_in_flight_or_is_refused_at_once(serving: Rig) -> None:
    if not serving.holds:
        assert await serving.get() == 503
        return
    await serving.begin()

    async def waits() -> bool:
        return (await serving.balancer.traffic(CLUSTER)).in_flight == 1

    await until(waits)


async def test_in_flight_is_each_clusters_own(serving: Rig) -> None:
    """F27: Stratos took server weights, or one figure for all clusters, of which it could read 0 and 1 only."""
    await serving.balancer.apply(CLUSTER, serving.targets[:2])
    await serving.balancer.apply(OTHER, serving.targets[2:])
    await until(lambda: _serves(serving, OTHER))
    before = (await serving.balancer.traffic(OTHER)).count or 0
    for _ in range(12):
        await serving.begin()
    for _ in range(3):
        await serving.begin(OTHER)

    web, api = await serving.balancer.traffic(CLUSTER), await serving.balancer.traffic(OTHER)
    assert (web.in_flight, api.in_flight) == (12, 3)
    assert {state.target.member: state.in_flight for state in web.targets} == {"web-0": 6, "web-1": 6}
    await serving.finish()
    await until(lambda: _counted(serving, CLUSTER, 12))
    await until(lambda: _counted(serving, OTHER, before + 3))


async def test_every_member_gets_its_share(serving: Rig) -> None:
    """F28: Stratos' own balancer gave every request to the same member."""
    await serving.balancer.apply(CLUSTER, serving.targets)
    await until(lambda: _serves(serving, CLUSTER))
    before = serving.arrived()
    for _ in range(30):
        await serving.begin()

    shares = [serving.arrived()[member] - before.get(member, 0) for member in ("web-0", "web-1", "web-2")]
    assert sum(shares) == 30
    assert min(shares) >= 5


async def test_a_drained_member_may_end_and_no_open_request_is_lost(serving: Rig) -> None:
    """F20: Stratos took members away with their requests."""
    await serving.balancer.apply(CLUSTER, serving.targets[:1])
    for _ in range(5):
        await serving.begin()
    await serving.balancer.apply(CLUSTER, serving.targets[1:])
    await until(lambda: is_out(serving, "web-0"))
    assert (await states(serving))["web-0"].in_flight == 5

    await serving.finish()  # fails when one of the five did
    await until(lambda: _gone(serving, "web-0"))
    assert serving.arrived()["web-0"] == 5


async def test_a_cluster_that_is_not_there_is_an_error_that_names_those_that_are(rig: Rig) -> None:
    with pytest.raises(BalancerError, match=f"no cluster 'blog', there is {OTHER}, {CLUSTER}"):
        await rig.balancer.traffic("blog")
    with pytest.raises(BalancerError, match="no cluster 'blog'"):
        await rig.balancer.apply("blog", [])


async def test_a_balancer_that_does_not_answer_is_an_error_not_a_zero(rig: Rig) -> None:
    await rig.balancer.apply(CLUSTER, rig.targets)
    rig.silence()

    with pytest.raises(BalancerError, match="does not answer"):
        await rig.balancer.traffic(CLUSTER)


async def _send_for_ever(rig: Rig) -> None:
    """Send requests, three at a time."""
    while True:
        for _ in range(3):
            await rig.begin()
        await rig.finish()
        await asyncio.sleep(0.002)


async def _served(rig: Rig, member: str) -> bool:
    return member in rig.arrived()


async def _more(rig: Rig, count: int) -> bool:
    return sum(rig.arrived().values()) > count


async def _gone(rig: Rig, member: str) -> bool:
    return member not in await states(rig)


async def _counted(rig: Rig, cluster: str, count: int) -> bool:
    return (await rig.balancer.traffic(cluster)).count == count


async def _serves(rig: Rig, cluster: str) -> bool:
    """Say whether a request is answered, as it is once the balancer has seen its members."""
    return await rig.get(cluster) == 200
