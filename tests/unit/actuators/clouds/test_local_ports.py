import socket
from pathlib import Path

import pytest

from actuators.clouds.local_ports import choose_port, touch_port
from actuators.ports import OutOfCapacityError
from tests.clouds import free_ports


def test_a_port_never_used_comes_first_then_the_one_that_rested_longest(tmp_path: Path) -> None:
    a, b, c = sorted(free_ports(3))
    touch_port(tmp_path, a)
    touch_port(tmp_path, b)

    assert choose_port([a, b, c], taken=[], used=tmp_path) == c
    assert choose_port([a, b, c], taken=[c], used=tmp_path) == a
    assert choose_port([b, a], taken=[], used=tmp_path) == a


def test_ports_of_instances_are_not_given_again_even_if_nobody_listens_yet(tmp_path: Path) -> None:
    [port] = free_ports(1)

    with pytest.raises(OutOfCapacityError, match=f"all 1 ports of {port}..{port} are taken, 1 by instances"):
        choose_port([port, port], taken=[port], used=tmp_path)


def test_without_ports_the_kernel_chooses(tmp_path: Path) -> None:
    assert 1 <= choose_port([], taken=[], used=tmp_path) <= 65535


def test_a_port_is_free_again_when_its_listener_is_gone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), pytest.raises(OutOfCapacityError):
            choose_port([port], taken=[], used=tmp_path)

    assert choose_port([port], taken=[], used=tmp_path) == port
