"""Print the JSON Schema (2020-12) of a definition or a record. Without KIND: list what there is.

Definitions are what operators write (files, `pileus.definitions`); records are what the other topics carry; contracts
are what programs say that are plugged in.
"""

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import streams.records
from actuators.balancers.external_wire import Answer, Request
from config import fields_page
from config.errors import did_you_mean
from config.kinds import KINDS
from config.settings_page import page
from streams.records.record import Record

CONTRACTS: dict[str, type[msgspec.Struct]] = {"balancer-request": Request, "balancer-answer": Answer}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("kind", metavar="KIND", nargs="?", help="a definition, a record or a contract")
    parser.add_argument(
        "--write",
        metavar="FOLDER",
        type=Path,
        help="write schemas, settings.md and stratos-fields.md there instead",
    )


def main(args: argparse.Namespace) -> int:
    """Print, list or write; return the exit code."""
    if args.write is not None:
        for name, text in pages().items():
            file = args.write / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return 0
    if args.kind is None:
        sys.stdout.write(_overview())
        return 0
    names = [*KINDS, *records(), *CONTRACTS]
    if args.kind not in names:
        hint = did_you_mean(args.kind, names) or "see 'pileus schema'"
        sys.stderr.write(f"pileus schema: no kind '{args.kind}', {hint}\n")
        return 2
    sys.stdout.write(_text(schema(args.kind)))
    return 0


def schema(kind: str) -> dict[str, Any]:
    """Return the schema of a definition or a record."""
    if kind in KINDS:
        found = _untitled(KINDS[kind].model_json_schema(by_alias=True))
        found["properties"] = {
            "$schema": {"type": "string", "description": "Where this schema is, for editors. Not used."},
            "kind": {"const": kind, "description": "What this document is."},
            **found["properties"],
        }
    else:
        found = msgspec.json.schema({**records(), **CONTRACTS}[kind])
    return {"$schema": DIALECT, "$id": f"urn:pileus:{kind}", **found}


def _untitled(found: Any) -> Any:
    """Leave the titles out: they only repeat the names."""
    if isinstance(found, list):
        return [_untitled(each) for each in found]
    if not isinstance(found, dict):
        return found
    return {key: _untitled(value) for key, value in found.items() if key != "title" or not isinstance(value, str)}


def records() -> dict[str, type[Record]]:
    """Return every record of the topics by its ``kind``, sorted."""
    for module in pkgutil.iter_modules(streams.records.__path__, "streams.records."):
        importlib.import_module(module.name)
    return {str(each.__struct_config__.tag): each for each in sorted(_below(Record), key=_tag)}


def _tag(record: type[Record]) -> str:
    return str(record.__struct_config__.tag)


def _below(record: type[Record]) -> Iterator[type[Record]]:
    """Yield every class that is a kind of ``record``."""
    for each in record.__subclasses__():
        if each.__module__.startswith("streams.records."):
            yield each
        yield from _below(each)


def pages() -> dict[str, str]:
    """Return every generated page by its path under ``docs/``."""
    schemas = {f"schema/{kind}.json": _text(schema(kind)) for kind in (*KINDS, *records(), *CONTRACTS)}
    return {**schemas, "settings.md": page(), "stratos-fields.md": fields_page.page()}


def _text(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _overview() -> str:
    lines = ["definitions:", *(f"  {kind}" for kind in KINDS), "records:", *(f"  {kind}" for kind in records())]
    lines += ["contracts:", *(f"  {kind}" for kind in CONTRACTS), ""]
    return "\n".join(lines)
