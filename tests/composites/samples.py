"""The samples of Stratos that run in tests: one application, with the definitions that it refers to."""

import json
from functools import cache
from pathlib import Path

from config.catalogue import examine
from config.tree import ApplicationSpec

COMMON = (
    "cartridges/mock",
    "cartridge-groups",
    "application-policies",
    "deployment-policies",
    "autoscaling-policies",
    "network-partitions/mock",
)
"""What every sample may refer to. Its clouds are mocks, as in Stratos' own tests."""
RUN = (
    "complex/wordpress-app",
    "nested/five-levels-nested-groups-app",
    "nested/complex-app-with-lb",
    "complex/php-tomcat-group-postgres-mysql-group-esb",
    "scaling/dependent-scaling/sample-cartridges",
    "scaling/dependent-scaling/sample-groups",
    "scaling/group-scaling/group-scaling-app",
    "scaling/group-scaling/group-scaling-v1",
    "scaling/group-scaling/single-group-group-scaling",
    "scaling/app-bursting-pattern",
)
"""Those that run, by their folder under ``applications``."""


@cache
def sample(shared: Path, path: str) -> ApplicationSpec:
    """Return a sample application, resolved."""
    root = shared / "stratos-samples"
    file = root / "applications" / path / "artifacts" / "application.json"
    catalogue, _ = examine([*(root / each for each in COMMON), file])
    name = json.loads(file.read_text(encoding="utf-8"))["applicationId"]
    return next(each for each in catalogue.applications() if each.application == name)
