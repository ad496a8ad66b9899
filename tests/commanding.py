"""``pileus`` commands against one broker, and a small application that they declare: its members are in memory."""

import pytest

from pileus.cli import main
from pileus.stack.broker import Broker

POLICY = """
kind: autoscalingPolicy
id: quick
loadThresholds: {requestsInFlight: {threshold: %d}}
behavior: {scaleDown: {stabilizationWindowSeconds: 1, policies: [{type: Percent, value: 100, periodSeconds: 1}]}}
"""
"""The policy, its threshold to be filled in."""
AROUND = """
kind: cartridge
type: web
category: framework
iaasProvider: [{type: memory}]
---
kind: networkPartition
id: here
provider: memory
partitions: [{id: p1, pricePerHour: 0.5}]
---
kind: deploymentPolicy
id: plain
networkPartitions: [{id: here, partitionAlgo: one-after-another, partitions: [{id: p1, partitionMax: 50}]}]
---
kind: application
applicationId: shop
alias: shop
components:
  cartridges:
    - {type: web, cartridgeMin: 1, cartridgeMax: 50,
       subscribableInfo: {alias: web, autoscalingPolicy: quick, deploymentPolicy: plain}}
"""
"""All that it needs; its one cluster is ``shop-web``."""
LIVE = f"{POLICY}---{AROUND}"


class Shell:
    """Runs commands against one broker and returns exit code, standard output and standard error."""

    def __init__(self, broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
        self.broker, self._capsys = broker.address, capsys

    def __call__(self, *words: object) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = main([*map(str, words), "--broker", self.broker])
        return code, *self._capsys.readouterr()
