"""Definitions as JSON and as a table. Pure."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any


def in_json(documents: Sequence[Any]) -> str:
    """Return one document, or a list of several, as JSON."""
    said = documents[0] if len(documents) == 1 else list(documents)
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def table(rows: Sequence[tuple[str, str, str, float]]) -> str:
    """Return a table of kind, tenant, id and when it was declared (s since the Unix epoch)."""
    cells = [("KIND", "TENANT", "ID", "DECLARED")]
    cells += [(kind, tenant, name, _time(at)) for kind, tenant, name, at in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([*lines, ""])


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
