"""What properties say about a container."""

import pytest

from actuators.clouds.docker_options import Options, options
from actuators.ports import InvalidRequestError


@pytest.mark.parametrize(
    ("properties", "made"),
    [
        pytest.param({}, Options(), id="nothing said, nothing limited"),
        pytest.param({"memory": "256m"}, Options(memory_bytes=256 * 2**20), id="a size with its unit"),
        pytest.param({"memory": "1GiB"}, Options(memory_bytes=2**30), id="a size as Kubernetes writes it"),
        pytest.param({"memory": "1048576"}, Options(memory_bytes=2**20), id="bytes"),
        pytest.param({"cpus": "0.5"}, Options(cpus=0.5), id="half a processor"),
        pytest.param({"network": "host"}, Options(network="host"), id="the host's network"),
        pytest.param(
            {"containerPort": "80"}, Options(container_port=80), id="an image that listens on a port of its own"
        ),
        pytest.param({"init": "false", "pull": "FALSE"}, Options(init=False, pull=False), id="flags"),
        pytest.param({"memory": " ", "zone": "b"}, Options(), id="blank and foreign ones do not count"),
    ],
)
def test_properties(properties: dict[str, str], made: Options) -> None:
    assert options(properties) == made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory", "much"),
        ("memory", "-1"),
        ("memory", "0"),
        ("memory", "1.5g"),
        ("memory", "9" * 400),
        ("cpus", "0"),
        ("cpus", "nan"),
        ("cpus", "inf"),
        ("cpus", "x"),
        ("network", "none"),
        ("network", "container:other"),
        ("network", "../x"),
        ("containerPort", "0"),
        ("containerPort", "65536"),
        ("containerPort", "http"),
        ("init", "yes"),
        ("pull", "1"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_value(name: str, value: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"property {name} = "):
        options({name: value})


@pytest.mark.parametrize(
    ("made", "inside"),
    [
        pytest.param(Options(), 9000, id="on the number that is published"),
        pytest.param(Options(container_port=80), 80, id="where the image listens"),
        pytest.param(Options(container_port=80, network="host"), 9000, id="on the host nothing is translated"),
    ],
)
def test_where_it_listens_inside(made: Options, inside: int) -> None:
    assert made.listens_on(9000) == inside
