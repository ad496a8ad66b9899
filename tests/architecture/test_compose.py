"""The containers: what is started exists, what is pulled is pinned, what is published stays on this machine."""

import importlib
import importlib.util
import re
from argparse import ArgumentParser
from typing import Any

import pytest
import yaml

from pileus.cli import COMMANDS
from tests.architecture.tree import PACKAGES, ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (ROOT / "Dockerfile").read_text().splitlines()
PINNED = re.compile(r"[\w./-]+:\d+\.\d+[\w.-]*")


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists_with_options_that_it_knows(name: str) -> None:
    command, *words = OURS[name]["command"]
    assert command in COMMANDS

    module = f"pileus.commands.{command.replace('-', '_')}"
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not written yet")
    parser = ArgumentParser(exit_on_error=False)
    importlib.import_module(module).arguments(parser)
    parser.parse_args(words)


def test_the_parts_of_the_system_are_there() -> None:
    assert {"kafka", "topics", "worker", "actuators", "dashboard", "demonstration"} <= SERVICES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_or_built_here(name: str) -> None:
    service = SERVICES[name]

    assert service.get("build") == "." or PINNED.fullmatch(service["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_port_is_published_on_this_machine_only(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_and_keeps_is_declared(name: str) -> None:
    volumes = {volume.partition(":")[0] for volume in SERVICES[name].get("volumes", [])}

    assert set(SERVICES[name].get("depends_on", {})) <= SERVICES.keys()
    assert volumes <= COMPOSE["volumes"].keys()


def test_the_image_is_pinned_holds_every_package_and_runs_without_root() -> None:
    base = [line.split()[1] for line in DOCKERFILE if line.startswith("FROM ")]
    copied = {line.split()[1] for line in DOCKERFILE if line.startswith("COPY ")}
    users = [line.split()[1] for line in DOCKERFILE if line.startswith("USER ")]

    assert all(PINNED.fullmatch(image) for image in base)
    assert copied >= set(PACKAGES)
    assert users
    assert users[-1] != "root"
