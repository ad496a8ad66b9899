"""Six documents that make one valid application, and a way to spoil them."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.catalogue import examine

Documents = dict[str, dict[str, Any]]
Path_ = tuple[str | int, ...]
Changes = dict[tuple[str, Path_], Any]
"""By file and path in it: what to put there."""

APPLICATION_FILE = "application.json"

SHOP: Documents = {
    "cartridge.json": {
        "type": "web",
        "category": "framework",
        "portMapping": [{"protocol": "http", "port": 80}],
        "iaasProvider": [{"type": "local"}, {"type": "mock", "imageId": "web:1"}],
        "command": ["serve"],
    },
    "policy.json": {"id": "fast", "loadThresholds": {"requestsInFlight": {"threshold": 8}}},
    "network.json": {
        "id": "here",
        "provider": "local",
        "partitions": [
            {"id": "p1", "property": [{"name": "portRange", "value": "9100-9103"}]},
            {"id": "p2", "property": [{"name": "portRange", "value": "9104-9107"}]},
        ],
    },
    "deployment.json": {
        "id": "both",
        "networkPartitions": [
            {
                "id": "here",
                "partitionAlgo": "one-after-another",
                "partitions": [{"id": "p1", "partitionMax": 2}, {"id": "p2", "partitionMax": 2}],
            }
        ],
    },
    "application-policy.json": {"id": "order", "algorithm": "one-after-another", "networkPartitions": ["here"]},
    "application.json": {
        "applicationId": "shop",
        "alias": "shop",
        "applicationPolicy": "order",
        "components": {
            "cartridges": [
                {
                    "type": "web",
                    "cartridgeMin": 1,
                    "cartridgeMax": 4,
                    "subscribableInfo": {"alias": "front", "autoscalingPolicy": "fast", "deploymentPolicy": "both"},
                }
            ]
        },
    },
}
"""A valid application by file name."""

GONE = object()
"""As a value: the key is left out."""


def shop(changes: Changes | None = None) -> Documents:
    """Return the valid documents with some values changed: ``{("policy.json", ("id",)): "x"}``."""
    documents = copy.deepcopy(SHOP)
    for (file, path), value in (changes or {}).items():
        at: Any = documents[file]
        for part in path[:-1]:
            at = at[part]
        if value is GONE:
            del at[path[-1]]
        else:
            at[path[-1]] = value
    return documents


def write(folder: Path, documents: Mapping[str, Any]) -> Path:
    """Write documents as files and return the folder."""
    for name, document in documents.items():
        (folder / name).write_text(document if isinstance(document, str) else json.dumps(document))
    return folder


def findings(folder: Path, documents: Mapping[str, Any], *, strict: bool = False) -> tuple[list[str], list[str]]:
    """Return the errors and warnings that a set of files gives, without the folder's name."""
    catalogue, problems = examine([write(folder, documents)], strict=strict)
    strip = f"{folder}/"
    return [str(each).replace(strip, "") for each in problems], [
        str(each).replace(strip, "") for each in catalogue.warnings
    ]
