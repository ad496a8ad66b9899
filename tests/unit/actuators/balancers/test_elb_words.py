"""What classic load balancers are asked and answer, and who is who behind them."""

from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from actuators.balancers import elb_requests as requests
from actuators.balancers.elb_answers import (
    NOT_REGISTERED,
    Health,
    UnreadableError,
    read_balancer,
    read_draining,
    read_health,
    read_tags,
)
from actuators.balancers.elb_file import Known, is_stranger, read, stranger, write
from actuators.balancers.elb_requests import Front, listener, name_of
from actuators.ports import BalancerError, Target
from config.accounts import LoadBalancing

NS = 'xmlns="http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/"'
BALANCER = f"""<DescribeLoadBalancersResponse {NS}><DescribeLoadBalancersResult><LoadBalancerDescriptions><member>
<LoadBalancerName>shop</LoadBalancerName><DNSName>shop.elb</DNSName>
<ListenerDescriptions><member><Listener><InstancePort>8080</InstancePort></Listener></member>
<member><Listener><InstancePort>9090</InstancePort></Listener></member></ListenerDescriptions>
<Instances><member><InstanceId>i-1</InstanceId></member><member><InstanceId>i-1</InstanceId></member></Instances>
<HealthCheck><Target>TCP:8080</Target></HealthCheck>
</member></LoadBalancerDescriptions></DescribeLoadBalancersResult></DescribeLoadBalancersResponse>"""


def parsed(text: str) -> Element:
    return fromstring(text)  # noqa: S314 - our own text


def a_target(number: int) -> Target:
    return Target(member=f"web-{number}", host=f"10.0.0.{number}", port=8080, instance=f"i-{number}")


@pytest.mark.parametrize(
    ("owner", "cluster", "name"),
    [
        pytest.param("shop", "shop-web", "shop-shop-web", id="as it is"),
        pytest.param("shop.eu", "web", "shop-eu-web-de4e1474", id="a character that AWS does not take"),
        pytest.param("shop-production", "shop-frontend-web", "shop-production-shop-fr-7523298c", id="too long"),
    ],
)
def test_a_name_fits_and_is_one_clusters(owner: str, cluster: str, name: str) -> None:
    assert name_of(owner, cluster) == name
    assert len(name) <= requests.LONGEST_NAME


@pytest.mark.parametrize(
    ("protocol", "spoken"),
    [
        pytest.param("http", "HTTP", id="HTTP"),
        pytest.param("HTTPS", "TCP", id="HTTPS goes through"),
        pytest.param("tcp", "TCP", id="TCP"),
    ],
)
def test_a_port_mapping_becomes_a_listener(protocol: str, spoken: str) -> None:
    assert listener(protocol, 80, 8080).protocol == spoken


def test_what_a_classic_load_balancer_does_not_speak_is_refused() -> None:
    with pytest.raises(ValueError, match="protocol 'udp' of port 53: must be one of http, https, tcp"):
        listener("udp", 53, 53)


def test_a_create_says_everything_and_the_tags_with_it() -> None:
    where = LoadBalancing(create=True, subnets=("subnet-1", "subnet-2"), security_groups=("sg-1",))
    said = requests.create("n", Front(listeners=(listener("http", 80, 8080),)), where, {"a": "1"})

    assert said == {
        "Action": "CreateLoadBalancer",
        "LoadBalancerName": "n",
        "Listeners.member.1.Protocol": "HTTP",
        "Listeners.member.1.LoadBalancerPort": "80",
        "Listeners.member.1.InstanceProtocol": "HTTP",
        "Listeners.member.1.InstancePort": "8080",
        "Subnets.member.1": "subnet-1",
        "Subnets.member.2": "subnet-2",
        "SecurityGroups.member.1": "sg-1",
        "Scheme": "internal",
        "Tags.member.1.Key": "a",
        "Tags.member.1.Value": "1",
    }


@pytest.mark.parametrize(("seconds", "said"), [(30.0, "30"), (0.0, "1"), (86400.0, "3600")])
def test_the_time_to_drain_is_within_what_aws_takes(seconds: float, said: str) -> None:
    assert requests.drain("n", seconds)["LoadBalancerAttributes.ConnectionDraining.Timeout"] == said


def test_a_load_balancer_is_read_and_an_instance_that_is_there_twice_counts_once() -> None:
    found = read_balancer(parsed(BALANCER))

    assert (found.name, found.host, found.check) == ("shop", "shop.elb", "TCP:8080")
    assert (found.instances, found.instance_ports) == (frozenset({"i-1"}), frozenset({8080, 9090}))


@pytest.mark.parametrize("answer", ["<html/>", BALANCER.replace("<LoadBalancerName>shop</LoadBalancerName>", "")])
def test_an_answer_without_what_it_must_have_is_no_empty_load_balancer(answer: str) -> None:
    with pytest.raises(UnreadableError):
        read_balancer(parsed(answer))


def test_health_tags_and_draining_are_read() -> None:
    state = "<member><InstanceId>i-1</InstanceId><State>InService</State></member>"
    health = f"<R {NS}><InstanceStates>{state}</InstanceStates></R>"
    tag = "<member><Key>a</Key><Value>1</Value></member>"
    tags = f"<R {NS}><TagDescriptions><member><Tags>{tag}</Tags></member></TagDescriptions></R>"
    drains = f"<R {NS}><ConnectionDraining><Enabled>true</Enabled></ConnectionDraining></R>"

    assert read_health(parsed(health)) == {"i-1": Health("InService", "")}
    assert read_tags(parsed(tags)) == {"a": "1"}
    assert (read_draining(parsed(drains)), read_draining(parsed(f"<R {NS}/>"))) == (True, False)


@pytest.mark.parametrize(
    ("health", "serves", "gone"),
    [
        pytest.param(Health("InService", "N/A"), True, False, id="in service"),
        pytest.param(Health("InService", "Instance deregistration currently in progress."), True, False, id="drains"),
        pytest.param(Health("OutOfService", f"Instance is {NOT_REGISTERED} with ..."), False, True, id="has drained"),
        pytest.param(Health("OutOfService", "Instance has failed at least the ..."), False, False, id="ill"),
        pytest.param(Health("Unknown", "A transient error occurred."), False, False, id="not known"),
    ],
)
def test_only_one_that_is_said_to_be_out_has_drained(health: Health, serves: bool, gone: bool) -> None:  # noqa: FBT001
    assert (health.serves, health.gone) == (serves, gone)


def test_who_is_who_is_remembered_until_it_is_gone(tmp_path: Path) -> None:
    one, two, three = (a_target(i) for i in (1, 2, 3))
    first = Known().wanting({"i-1": one, "i-2": two}, ["i-9"])
    then = first.wanting({"i-2": two, "i-3": three}, ["i-1", "i-2", "i-9"])
    write(tmp_path / "a" / "web.json", then)

    assert read(tmp_path / "a" / "web.json") == then
    assert [t.member for t in then.routed] == ["web-2", "web-3"]
    assert [t.member for t in then.leaving] == ["i-9", "web-1"]
    assert [is_stranger(t) for t in then.leaving] == [True, False]
    assert then.without(["i-9"]).leaving == (one,)
    assert then.wanting({"i-1": one}, []).routed == (one,)
    assert is_stranger(stranger("i-7"))


def test_without_a_file_nobody_is_known_and_a_broken_one_is_told(tmp_path: Path) -> None:
    assert read(tmp_path / "none.json") == Known()
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(BalancerError, match="cannot read"):
        read(tmp_path / "broken.json")
