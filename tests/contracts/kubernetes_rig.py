"""The cloud of pods on a stand-in for a Kubernetes cluster."""

import asyncio
import time
from pathlib import Path

from actuators.clouds.kubernetes import KubernetesCloud
from actuators.ports import Cloud, Instance
from tests.kubernetes_stand_in.site import Cluster

ROOM = 8


class KubernetesHarness:
    """The adapter in a namespace of its own, whose node has room for eight pods."""

    def __init__(self, _: Path, cluster: Cluster) -> None:
        self._site = cluster.site(room=ROOM)
        self._opened: list[KubernetesCloud] = []
        self.cloud: Cloud = self.reopened()
        self.launch = self._site.launch

    def reopened(self) -> Cloud:
        """Return a new adapter: the API server is the state."""
        self._opened.append(KubernetesCloud(self._site.account(), settings={}, now=time.time))
        return self._opened[-1]

    def lose(self, instance: Instance) -> None:
        """Let a pod's container end, as when it runs out of memory."""
        self._site.lose(instance.where.member)

    async def close(self) -> None:
        """Leave nothing behind."""
        assert await self._opened[0].destroy_all(grace_s=1.0) == {}
        for cloud in self._opened:
            cloud.close()
        await asyncio.to_thread(self._site.close)
