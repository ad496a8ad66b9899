"""Nothing that a member or a cluster is called can become a command or a directive."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actuators.balancers import haproxy_config, nginx_config
from actuators.balancers.checked import address_of, fault_of, require_listener, require_name, sort_out
from actuators.balancers.cluster_file import ClusterFile, read, write
from actuators.ports import BalancerError, Target


def a_target(member: str = "web-1", *, host: str = "10.0.0.1", port: int = 80) -> Target:
    return Target(member=member, host=host, port=port)


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        pytest.param(a_target(), "", id="a member"),
        pytest.param(a_target(host="2001:db8::1"), "", id="IPv6"),
        pytest.param(a_target("web-1; quit"), "no name", id="a second command"),
        pytest.param(a_target("web-1\nserver x"), "no name", id="a second line"),
        pytest.param(a_target("web-1\n"), "no name", id="a line's end"),
        pytest.param(a_target("_wait"), "no name", id="the waiting room"),
        pytest.param(a_target("BACKEND_"), "no name", id="an underscore"),
        pytest.param(a_target(""), "no name", id="nothing"),
        pytest.param(a_target("w" * 64), "no name", id="too long"),
        pytest.param(a_target(host="example.org"), "no IP address", id="a name that must be looked up"),
        pytest.param(a_target(host="10.0.0.1 backup"), "no IP address", id="an option"),
        pytest.param(a_target(host="fe80::1%eth0;"), "no IP address", id="a scope"),
        pytest.param(a_target(host=""), "no IP address", id="no host"),
        pytest.param(a_target(host="::ffff:a00:1"), "no IP address", id="IPv4 in IPv6"),
        pytest.param(a_target(host="010.0.0.1"), "no IP address", id="octal"),
        pytest.param(a_target(port=0), "port 0", id="no port"),
        pytest.param(a_target(port=65536), "port 65536", id="a port too high"),
    ],
)
def test_what_can_be_written_into_a_configuration(target: Target, fault: str) -> None:
    assert fault in fault_of(target)
    assert bool(fault_of(target)) == bool(fault)


@given(st.text(max_size=70), st.text(max_size=20), st.integers(-1, 70000))
def test_whatever_is_accepted_is_one_word(member: str, host: str, port: int) -> None:
    target = a_target(member, host=host, port=port)

    if not fault_of(target):
        assert re.fullmatch(r"[A-Za-z0-9-]{1,63} [0-9a-fA-F.:\[\]]+:\d{1,5}", f"{target.member} {address_of(target)}")


def test_targets_that_exclude_each_other_are_told_apart() -> None:
    good, refused = sort_out([a_target("b"), a_target("a"), a_target("c", port=81), a_target("c", port=82)])

    assert good == {"a": a_target("a"), "c": a_target("c", port=81)}
    assert refused == ["b at 10.0.0.1:80 is where a is", "c is at 10.0.0.1:82 and at 10.0.0.1:81"]


@pytest.mark.parametrize(
    "address", ["", "80", ":80", "localhost:80", "127.0.0.1:0", "127.0.0.1:80;", "[::1]:80", "1.2.3.4:٣"]
)
def test_what_cannot_be_listened_on(address: str) -> None:
    with pytest.raises(ValueError, match="must be an IPv4 address and a port"):
        require_listener(address)


def test_a_cluster_that_would_be_a_directive_is_refused() -> None:
    with pytest.raises(ValueError, match="no name of a cluster"):
        require_name("web { }")


@pytest.mark.parametrize("members", [0, 1, 500])
def test_a_file_says_what_was_written_and_no_line_of_it_is_long(tmp_path: Path, members: int) -> None:
    routed = tuple(a_target(f"web-{i:04}", host=f"10.0.{i // 250}.{i % 250}") for i in range(members))
    wanted = ClusterFile(listen="127.0.0.1:80", maxconn=7, revision=3, routed=routed, leaving=(a_target("gone"),))
    for body in (
        haproxy_config.cluster_text("web", wanted),
        nginx_config.cluster_text("web", wanted, status="127.0.0.1:81"),
    ):
        write(tmp_path / "web", wanted, body, "haproxy")

        assert read(tmp_path / "web", "haproxy") == wanted
        assert max(len(line) for line in (tmp_path / "web").read_text().splitlines()) < 1000
        assert "gone" not in body


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("# pileus: {", id="cut"),
        pytest.param('# pileus: {"listen": "127.0.0.1:80; }"}', id="a directive as an address"),
        pytest.param(
            '# pileus: {"listen": "127.0.0.1:80", "routed": [{"member": "a;b", "host": "10.0.0.1", "port": 80}]}',
            id="a command as a name",
        ),
    ],
)
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "web.cfg").write_text(text)

    with pytest.raises(BalancerError, match=r"nginx: cannot read .*web\.cfg"):
        read(tmp_path / "web.cfg", "nginx")
