"""Adapters of the cloud of pods, as many as a test wants."""

import time
from typing import Any

from actuators.clouds.kubernetes import KubernetesCloud
from tests.kubernetes_stand_in.site import Site


class Opened:
    """Adapters of one site, closed at the end."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.clouds: list[KubernetesCloud] = []

    def __call__(self, **given: Any) -> KubernetesCloud:
        self.clouds.append(KubernetesCloud(self.site.account(**given), settings={}, now=time.time))
        return self.clouds[-1]
