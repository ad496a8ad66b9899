"""What a container of the docker cloud is made of, what is refused, and how it ends, on a real engine."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actuators.clouds import docker_calls
from actuators.clouds.docker_box import labels
from actuators.ports import Instance, InvalidRequestError, OutOfCapacityError, TransientCloudError
from streams.records.action import Launch
from tests.clouds import HTTPD, a_place, free_ports
from tests.docker_site import SLEEP, Site, open_site
from tests.engines import TINY, DockerEngine
from tests.waiting import until

BARE = {"init": "false"}
"""Without an init the engine itself executes the command, and says what is wrong with it."""


@pytest.fixture
async def site(docker_engine: DockerEngine, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    async with open_site(docker_engine, tmp_path, request.node.name) as site:
        yield site


# --- what a container is made of -------------------------------------------------------------------------------------


async def test_limits_and_restart_policy_reach_the_engine(site: Site) -> None:
    launch = Launch(image=TINY, command=["sleep", "9"], properties={"memory": "32m", "cpus": "0.5"})
    launched = await site.cloud().launch(a_place(), launch)

    made = site.client.inspect_container(launched.instance.removeprefix("container-"))["HostConfig"]

    assert (made["Memory"], made["MemorySwap"], made["NanoCpus"]) == (32 * 2**20, 32 * 2**20, 500_000_000)
    assert made["RestartPolicy"]["Name"] == "no"


@pytest.mark.parametrize("network", ["bridge", "host"])
async def test_an_instance_answers_at_its_address_and_knows_who_it_is(site: Site, network: str) -> None:
    script = 'env > /www/env; exec httpd -f -p "$HOST:$PORT" -h /www'
    properties = {"network": network}
    launch = Launch(image=TINY, command=["sh", "-c", script], environment={"COLOUR": "red"}, properties=properties)
    launched = await site.cloud().launch(a_place(), launch)

    told = await _fetched(launched, "/env")

    own = {"PILEUS_MEMBER=shop-web-1", "PILEUS_CLUSTER=shop-web", "PILEUS_APPLICATION=shop", "PILEUS_TENANT=default"}
    assert {"COLOUR=red", f"PORT={launched.port}", *own} <= set(told.splitlines())


async def test_an_image_that_listens_on_a_port_of_its_own_is_reached_on_another(site: Site) -> None:
    command = ["sh", "-c", "echo here > /www/said; exec httpd -f -p 80 -h /www"]
    launch = Launch(image=TINY, command=command, properties={"containerPort": "80"})

    launched = await site.cloud().launch(a_place(), launch)

    assert launched.port != 80
    assert await _fetched(launched, "/said") == "here\n"


async def test_a_port_that_a_stranger_has_is_passed_over(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [taken.getsockname()[1], *free_ports(1)]
        launched = await site.cloud().launch(a_place(), Launch(image=TINY, command=HTTPD, ports=ports))
        with pytest.raises(OutOfCapacityError, match="2 ports"):
            await site.cloud().launch(a_place("shop-web-2"), Launch(image=TINY, command=HTTPD, ports=ports))

    assert launched.port == ports[1]


async def test_a_port_that_is_taken_before_the_start_is_replaced(site: Site) -> None:
    ports = free_ports(2)
    cloud, created = site.cloud(), docker_calls.create
    blockers: list[socket.socket] = []

    def block(*args: Any, port: int, **kwargs: Any) -> Any:
        if not blockers:
            blockers.append(socket.create_server(("127.0.0.1", port)))
        return created(*args, port=port, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(docker_calls, "create", block)
        launched = await cloud.launch(a_place(), Launch(image=TINY, command=HTTPD, ports=ports))
    blocked = blockers[0].getsockname()[1]
    blockers[0].close()

    assert {launched.port, blocked} == set(ports)
    assert site.starts() == {"shop-web-1": 1}


@pytest.mark.parametrize(
    ("launch", "said"),
    [
        pytest.param(Launch(command=["sleep", "9"]), "image is empty", id="no image"),
        pytest.param(Launch(image="pileus-test/none:1", properties={"pull": "false"}), "no image", id="an unknown one"),
        pytest.param(Launch(image="Not An Image"), "invalid reference", id="a name that no image has"),
        pytest.param(Launch(image=TINY, command=["/no"], properties=BARE), "no such file", id="a command not there"),
        pytest.param(Launch(image=TINY, command=["/etc"], properties=BARE), "permission denied", id="one that is none"),
        pytest.param(Launch(image=TINY, properties={"memory": "1m"}), "(?i)memory", id="too little memory"),
        pytest.param(
            Launch(image=TINY, properties={"network": "nowhere"}), "nowhere", id="a network that is not there"
        ),
    ],
)
async def test_what_can_never_be_is_refused_and_leaves_nothing(site: Site, launch: Launch, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        await site.cloud().launch(a_place(), launch)

    assert site.containers() == {}


async def test_a_registry_that_does_not_answer_is_away_for_now(site: Site) -> None:
    (port,) = free_ports(1)

    with pytest.raises(TransientCloudError, match="pull"):
        await site.cloud().launch(a_place(), Launch(image=f"127.0.0.1:{port}/shop:1"))


# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param('trap "exit 7" TERM; while :; do sleep 0.05; done', "7", id="one that obeys ends by itself"),
        pytest.param('trap "" TERM; while :; do sleep 0.05; done', "137", id="one that does not is killed"),
    ],
)
async def test_an_end_is_asked_for_before_it_is_enforced(site: Site, script: str, code: str) -> None:
    cloud = site.cloud()
    await cloud.launch(a_place(), Launch(image=TINY, command=["sh", "-c", f"echo up; {script}"]))
    await until(lambda: b"up" in site.client.logs("shop-web-1"), within_s=20, what="the trap")

    await cloud.terminate("shop-web-1", 1.0)

    assert _exit_codes(site) == [code]


async def test_nobody_cuts_the_grace_of_another_actuator_short(site: Site) -> None:
    one, two = site.cloud(), site.cloud()
    script = 'trap "sleep 1; exit 7" TERM; echo up; while :; do sleep 0.05; done'
    launched = await one.launch(a_place(), Launch(image=TINY, command=["sh", "-c", script]))
    await until(lambda: b"up" in site.client.logs("shop-web-1"), within_s=20, what="the trap")
    made = site.client.create_container(TINY, ["sleep"], name="shop-web-2", labels=_labels("shop-web-2", site.stack))
    ending = asyncio.create_task(one.terminate("shop-web-1", 15.0))
    await until(lambda: docker_calls.tombstones(site.client, site.stack), within_s=20, what="the tombstone")

    seen = await two.instances()
    with pytest.raises(InvalidRequestError, match="never used again"):
        await two.launch(a_place(), SLEEP)
    await ending

    assert (seen["shop-web-1"], seen["shop-web-2"].port) == (launched, 0)
    assert made["Id"].startswith(seen["shop-web-2"].instance.removeprefix("container-"))
    assert _exit_codes(site) == ["7"]


async def test_an_instance_that_is_suspended_can_be_ended(site: Site) -> None:
    cloud = site.cloud()
    launched = await cloud.launch(a_place(), SLEEP)
    site.client.pause("shop-web-1")
    assert await cloud.instances() == {"shop-web-1": launched}

    await cloud.terminate("shop-web-1", 0.2)

    assert site.containers() == {}


async def test_old_tombstones_are_forgotten_and_young_ones_kept(site: Site) -> None:
    docker_calls.bury(site.client, site.stack, "shop-web-1")
    await asyncio.sleep(1.1)  # the engine's own clock counts, in whole seconds
    docker_calls.bury(site.client, site.stack, "shop-web-2")

    docker_calls.forget(site.client, site.stack, older_s=1.0)

    assert docker_calls.tombstones(site.client, site.stack) == {"shop-web-2"}


def _labels(member: str, stack: str) -> dict[str, str]:
    return labels(a_place(member), SLEEP, stack=stack, port=1)


def _exit_codes(site: Site) -> list[str]:
    """Return how the containers of a stack have ended, as the engine tells."""
    filters = {"type": "container", "event": "die", "label": f"pileus.stack={site.stack}"}
    events = site.client.events(since=site.since, until=int(time.time()) + 1, filters=filters, decode=True)
    return [each["Actor"]["Attributes"]["exitCode"] for each in events]


async def _fetched(instance: Instance, path: str) -> str:
    """Return what an instance answers, once it does."""
    until_s = time.monotonic() + 20.0
    while True:
        try:
            reader, writer = await asyncio.open_connection(instance.host, instance.port)
            writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            said = (await asyncio.wait_for(reader.read(), 5.0)).decode()
            writer.close()
            if "200 OK" in said:
                return said.partition("\r\n\r\n")[2]
        except OSError:
            pass
        assert time.monotonic() < until_s, f"{instance} does not answer"
        await asyncio.sleep(0.05)
