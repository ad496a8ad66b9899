"""What ``pileus lb-agent --balancer elb`` makes of an account and of definitions."""

from pathlib import Path

import pytest

from actuators.balancers.elb_requests import Front, Listener
from config.catalogue import load
from pileus.cli import main
from pileus.elb import front
from tests.unit.config.documents import Changes, shop, write

SHOP = ("default", "shop")
PORTS = ("cartridge.json", ("portMapping",))


def the_front(folder: Path, changes: Changes, *, application: tuple[str, str] = SHOP) -> Front:
    return front(load([write(folder, shop(changes))]), application, "shop-front")


def test_a_listener_for_each_port_mapping_and_the_cartridges_times(tmp_path: Path) -> None:
    ports = [{"protocol": "http", "port": 8080, "proxyPort": 80}, {"protocol": "https", "port": 8443}]
    changes: Changes = {PORTS: ports, ("cartridge.json", ("healthProbe",)): "http:/health"}
    changes |= {("cartridge.json", ("drain",)): {"timeoutSeconds": 45}}

    assert the_front(tmp_path, changes) == Front(
        listeners=(
            Listener(protocol="HTTP", port=80, instance_port=8080),
            Listener(protocol="TCP", port=8443, instance_port=8443),
        ),
        health="/health",
        draining_s=45.0,
    )


@pytest.mark.parametrize(
    ("changes", "application", "said"),
    [
        pytest.param(
            {}, ("default", "blog"), "no cluster 'shop-front' of application 'blog'", id="another application"
        ),
        pytest.param({}, ("acme", "shop"), "of tenant 'acme'", id="another tenant"),
        pytest.param(
            {PORTS: [{"protocol": "http", "port": 80}, {"protocol": "udp", "port": 53}]},
            SHOP,
            "protocol 'udp' of port 53",
            id="a protocol that it does not speak",
        ),
    ],
)
def test_what_cannot_be_served_is_told(
    tmp_path: Path, changes: Changes, application: tuple[str, str], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        the_front(tmp_path, changes, application=application)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], "needs --account", id="no account"),
        pytest.param(
            ["--account", "ec3"], "'ec3': no account of that name in clouds_file, there is ec2, os", id="none"
        ),
        pytest.param(["--account", "os"], "driver 'openstack': must be ec2", id="another cloud's"),
        pytest.param(["--account", "bad"], "create = true needs zones or subnets, not both", id="made nowhere"),
        pytest.param(["--account", "ec2", "--definitions", "DIR"], "no cluster 'shop-blog'", id="no such cluster"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_asked(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts = '[ec2]\nowner = "a"\n[os]\ndriver = "openstack"\nowner = "a"\n'
    if "bad" in words:
        accounts += '[bad]\ndriver = "ec2"\nowner = "a"\nbalancer = { create = true }\n'
    (tmp_path / "clouds.toml").write_text(accounts)
    (tmp_path / "definitions").mkdir()
    folder = str(write(tmp_path / "definitions", shop()))
    monkeypatch.setenv("PILEUS_CLOUDS_FILE", str(tmp_path / "clouds.toml"))
    given = ["lb-agent", "--name", "lb-1", "--application", "shop", "--cluster", "shop-blog", "--members-dir", "x"]

    assert main([*given, "--balancer", "elb", *(folder if word == "DIR" else word for word in words)]) == 2
    assert said in capsys.readouterr().err
