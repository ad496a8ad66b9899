"""User data: what a machine is told at its first boot."""

import json
from urllib.parse import unquote

import pytest
import yaml

from actuators.clouds.user_data import ENVIRONMENT, LONGEST, payload, user_data
from actuators.ports import InvalidRequestError
from streams.records.action import Launch
from tests.clouds import a_place

LAUNCH = Launch(
    command=["{python}", "-m", "http.server", "{port}", "a b", '100% $HOME "x"'],
    environment={"DB": 'it\'s "quoted" $x `y` \\ and\nlong'},
    health="http:/health",
    exports=["web-URL"],
)
AGENT = ("pileus", "agent", "--host")


def told(form: str, launch: Launch = LAUNCH, install: str = "") -> str:
    environment = payload(a_place(), launch, port=8080, settings={"PILEUS_BROKER": "kafka:9092"})
    return user_data(form, launch, environment, agent=AGENT, install=install)


def cloud_init_files(install: str = "") -> dict[str, str]:
    document = yaml.safe_load(told("cloud-init", install=install))
    return {each["path"]: each["content"] for each in document["write_files"]}


def test_cloud_init_writes_payload_and_units_and_starts_them() -> None:
    text = told("cloud-init")
    document, files = yaml.safe_load(text), cloud_init_files()

    assert text.startswith("#cloud-config\n")
    assert document["runcmd"][-1][-2:] == ["pileus-agent.service", "pileus-member.service"]
    assert set(files) == {ENVIRONMENT, *(f"/etc/systemd/system/pileus-{x}.service" for x in ("agent", "member"))}
    for line in ('PILEUS_MEMBER="shop-web-1"', 'PILEUS_BROKER="kafka:9092"', 'PILEUS_PORT="8080"', 'PORT="8080"'):
        assert line in files[ENVIRONMENT].splitlines()


def test_the_payload_is_for_root_alone() -> None:
    document = yaml.safe_load(told("cloud-init"))

    assert next(each["permissions"] for each in document["write_files"] if each["path"] == ENVIRONMENT) == "0600"


def test_values_are_quoted_as_systemd_reads_them() -> None:
    assert 'DB="it\'s \\"quoted\\" \\$x \\`y\\` \\\\ and\nlong"\n' in cloud_init_files()[ENVIRONMENT]


def test_the_command_is_the_launchs_with_nothing_expanded() -> None:
    unit = cloud_init_files()["/etc/systemd/system/pileus-member.service"]

    assert 'ExecStart=/usr/bin/env "python3" "-m" "http.server" "8080" "a b" "100%% $$HOME \\"x\\""\n' in unit


def test_the_agent_is_installed_before_it_starts_and_told_what_to_export() -> None:
    unit = cloud_init_files(install="pip install /opt/pileus")["/etc/systemd/system/pileus-agent.service"]

    assert unit.index('ExecStartPre="/bin/sh" "-c" "pip install /opt/pileus"') < unit.index("ExecStart=/usr/bin/env")
    assert '"pileus" "agent" "--host"' in unit
    assert '"--export" "web-URL"' in unit


def test_ignition_holds_the_same() -> None:
    document = json.loads(told("ignition"))
    (file,) = document["storage"]["files"]

    assert unquote(file["contents"]["source"].removeprefix("data:,")) == cloud_init_files()[ENVIRONMENT]
    assert [unit["name"] for unit in document["systemd"]["units"]] == ["pileus-agent.service", "pileus-member.service"]
    assert all(unit["enabled"] for unit in document["systemd"]["units"])


def test_none_is_none() -> None:
    assert told("none") == ""


@pytest.mark.parametrize(
    ("form", "environment", "said"),
    [
        pytest.param("cloudinit", {}, "userData = 'cloudinit': must be one of", id="no such form"),
        pytest.param("cloud-init", {"A B": "x"}, "environment 'A B'", id="a name with a space"),
        pytest.param("cloud-init", {"A": "x\0"}, "environment 'A'", id="a zero byte"),
        pytest.param("ignition", {"A": "x" * LONGEST}, f"must be at most {LONGEST}", id="too long"),
    ],
)
def test_what_cannot_be_is_refused(form: str, environment: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        told(form, Launch(environment=environment))
