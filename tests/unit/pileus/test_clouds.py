"""The command line of the agent beside an instance of the local cloud: the agent itself understands it."""

from argparse import ArgumentParser
from pathlib import Path

import pytest

from actuators.clouds.local import LocalCloud
from actuators.ports import Instance
from config.settings import Settings
from pileus.commands import agent as command
from pileus.stack.clouds import _agent
from streams.records.action import Launch
from tests.clouds import a_place


@pytest.mark.parametrize("exports", [[], ["web-URL", "web-USER"]], ids=["nothing to export", "two names"])
def test_an_agent_is_told_what_to_export_and_where_metadata_stand(tmp_path: Path, exports: list[str]) -> None:
    instance = Instance(where=a_place(), instance="process-4711", host="127.0.0.1", port=8000)
    words = _agent(Settings(), tmp_path)(instance, Launch(health="tcp", exports=exports))
    parser = ArgumentParser()
    command.arguments(parser)
    options = parser.parse_args(words[4:])
    cloud = LocalCloud(tmp_path)

    assert words[1:4] == ["-m", "pileus", "agent"]
    assert options.export == exports
    assert (options.exports, options.metadata) == (str(cloud.exports("shop-web-1")), str(cloud.metadata("shop-web-1")))
    assert (options.pid, options.address, options.log) == (4711, "127.0.0.1:8000", [str(cloud.log("shop-web-1"))])
