"""What HAProxy says is read as it is meant."""

import pytest

from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.haproxy_answers import (
    BackendSeen,
    ServerSeen,
    earlier_workers,
    read_backend,
    read_clients,
    refusals,
    without_choice,
)
from actuators.balancers.haproxy_config import cluster_text, entering
from actuators.ports import Target

STATES = """\
1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_port
3 shop-web 1 _wait 127.0.0.1 2 0 1
3 shop-web 2 web-0 127.0.0.1 2 8 18090
3 shop-web 3 web-1 127.0.0.1 0 1 18091
3 shop-web 4 web-2 127.0.0.1 0 0 18092
3 shop-web 5 web-9 127.0.0.1 0 0 18099

"""
STAT = """\
# pxname,svname,qcur,scur,stot,status,last_chk,
shop-web,_wait,0,1,9,no check,,
shop-web,web-0,0,1,1,DRAIN,"Connection refused, twice",
shop-web,web-1,0,0,2,MAINT,,
shop-web,web-2,3,2,5,DOWN,,
shop-web,BACKEND,4,7,17,UP,,

"""
PROCESSES = """\
#<PID>          <type>          <reloads>       <uptime>        <version>
1162            master          5 [failed: 0]   0d00h02m07s     2.6.12
# workers
1271            worker          1               0d00h00m00s     2.6.12
# old workers
1233            worker          3               0d00h00m43s     2.6.12
1240            worker          2               0d00h00m10s     2.6.12
# programs

"""


def test_a_server_carries_what_is_open_and_what_queues_a_backend_counts_both_already() -> None:
    """F27."""
    seen = read_backend(STATES, STAT)

    assert {name: (s.left_out, s.in_flight, s.target.port) for name, s in seen.servers.items()} == {
        "web-0": (True, 1, 18090),
        "web-1": (True, 0, 18091),
        "web-2": (False, 5, 18092),  # down, and yet requests may go to it once it is up
    }
    assert (seen.in_flight, seen.count) == (7, 17)


@pytest.mark.parametrize(
    ("states", "stat"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param(STATES, "Unknown command.\n", id="another version"),
        pytest.param(STATES, "# svname,qcur\nBACKEND,1\n", id="no sessions"),
        pytest.param("1\n# srv_name srv_addr\nweb-0\n", STAT, id="a line cut short"),
    ],
)
def test_what_is_no_answer_is_an_error_not_a_zero(states: str, stat: str) -> None:
    with pytest.raises(ValueError):
        read_backend(states, stat)


def test_workers_that_a_reload_has_replaced_are_found() -> None:
    assert earlier_workers(PROCESSES) == [1233, 1240]
    assert earlier_workers(PROCESSES.partition("# old")[0]) == []


@pytest.mark.parametrize(
    ("clients", "left_out"),
    [
        pytest.param(2, True, id="every client is with a member"),
        pytest.param(3, False, id="one may still ask"),
        pytest.param(-1, False, id="not known"),
    ],
)
def test_a_replaced_worker_chooses_nobody_when_every_client_is_with_a_member(clients: int, left_out: object) -> None:
    server = ServerSeen(target=Target(member="a", host="::1", port=1), left_out=False, in_flight=2)
    seen = without_choice(BackendSeen(servers={"a": server}, in_flight=2, count=9), clients=clients)

    assert (seen.servers["a"].left_out, seen.in_flight) == (left_out, 2)


def test_clients_of_a_frontend() -> None:
    assert read_clients("# pxname,svname,scur\nin:shop-web,FRONTEND,4\n") == 4
    assert read_clients("Unknown command") == -1


def test_success_is_silent_or_known_everything_else_is_a_refusal() -> None:
    said = (
        "New server registered.\n\n\nServer deleted.\nServer still has connections attached to it, cannot remove it.\n"
    )

    assert refusals(said) == ["Server still has connections attached to it, cannot remove it."]


def test_a_member_is_the_same_in_the_file_and_by_command() -> None:
    target = Target(member="web-1", host="2001:db8::1", port=80)
    wanted = ClusterFile(listen="127.0.0.1:80", maxconn=5, routed=(target,))

    add, health, enable = entering("shop", [target], wanted)
    assert add.startswith("add server shop/web-1 [2001:db8::1]:80 check ")
    assert add.endswith(" maxconn 5")
    assert add.removeprefix("add server shop/") in cluster_text("shop", wanted)
    assert (health, enable) == ("enable health shop/web-1", "enable server shop/web-1")
