"""The balancer agent and a classic load balancer: its own process, a real broker, moto's server, one real member."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec

from pileus.stack.broker import Broker
from streams.admin import create_topics
from streams.partition import application_key, partition_of
from streams.producer import connect
from streams.publisher import Message
from streams.records.member import Member, State
from streams.records.record import encode
from streams.topics import MEMBERS
from tests.balancing import Server
from tests.clouds import free_ports
from tests.contracts.ec2_rig import KEY, SECRET
from tests.contracts.elb_rig import some_targets
from tests.ec2 import Ec2
from tests.integration.test_lb_agent import PARTITIONS, Reports
from tests.unit.actuators.test_lb_desired import a_member
from tests.unit.config.documents import shop, write

WEB = "shop-front"
ACCOUNT = """
[ec2]
owner = "tests"
identity = "env:TEST_EC2_KEY"
secret = "env:TEST_EC2_SECRET"
regions = ["eu-west-1"]
look_s = 0.2
calls_per_s = 100.0
balancer = {{ create = true, zones = ["eu-west-1a"], endpoint = "http://127.0.0.1:{port}" }}
"""


async def test_a_member_enters_its_load_balancer_and_drains_out_of_it(
    ec2: Ec2, fresh_tansu: Broker, tmp_path: Path
) -> None:
    ec2.reset()
    ec2.faults()
    (port,) = free_ports(1)
    (tmp_path / "clouds.toml").write_text(ACCOUNT.format(port=ec2.port))
    (tmp_path / "definitions").mkdir()
    write(tmp_path / "definitions", shop({("cartridge.json", ("portMapping", 0, "port")): port}))
    await asyncio.to_thread(create_topics, fresh_tansu.address, partitions=PARTITIONS, replication=1)
    member, server = a_member("web-1", State.STARTING, port=port, cluster=WEB), Server(port)
    member = msgspec.structs.replace(member, instance=some_targets(ec2, 1)[0].instance)
    await server.start()
    await _put(fresh_tansu, member)
    agent = await _agent(fresh_tansu, tmp_path)
    reports = Reports(fresh_tansu.address)
    try:
        entered = await reports.wait(lambda r: [(b.member, b.routed) for b in r.backends] == [("web-1", True)])
        ec2.drain(member.instance)
        await _put(fresh_tansu, msgspec.structs.replace(member, state=State.DRAINING))
        drains = await reports.wait(lambda r: [(b.member, b.routed) for b in r.backends] == [("web-1", False)])
        ec2.drain()
        gone = await reports.wait(lambda r: r.backends == [])
        agent.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(agent.wait(), 15) == 0
    finally:
        if agent.returncode is None:
            agent.kill()
        reports.close()
        await server.stop()

    assert [b.in_flight for report in (entered, drains) for b in report.backends] == [None, None]
    assert entered.revision < drains.revision == gone.revision
    assert [call["Listeners.member.1.InstancePort"] for call in ec2.calls("CreateLoadBalancer")] == [str(port)]
    assert len(ec2.calls("RegisterInstancesWithLoadBalancer")) == 1


async def _agent(broker: Broker, directory: Path) -> asyncio.subprocess.Process:
    """Start the agent."""
    words = ["lb-agent", "--name", "lb-1", "--application", "shop", "--cluster", WEB, "--broker", broker.address]
    words += ["--balancer", "elb", "--account", "ec2", "--definitions", str(directory / "definitions")]
    words += ["--members-dir", str(directory / "elb"), "--interval", "1"]
    environment = {"PILEUS_PARTITIONS": str(PARTITIONS), "PILEUS_CLOUDS_FILE": str(directory / "clouds.toml")}
    environment |= {"TEST_EC2_KEY": KEY, "TEST_EC2_SECRET": SECRET, "PATH": os.environ["PATH"]}
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "pileus", *words, env=environment)


async def _put(broker: Broker, member: Member) -> None:
    """Write into the members' log."""
    producer = connect(broker.address)
    partition = partition_of(application_key("default", "shop"), PARTITIONS)
    message = Message(MEMBERS.name, partition, member.member.encode(), encode(member))
    async with asyncio.timeout(20):
        while await asyncio.to_thread(producer.deliver, [message]) != [None]:  # the topic may not be known yet
            await asyncio.sleep(0.05)
    producer.close()
