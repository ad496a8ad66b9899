"""Write definitions as YAML that :mod:`config.read` reads back equal."""

import re
from collections.abc import Sequence
from typing import Any

import yaml

WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
"""Text that needs no quotes, unless YAML has a meaning for it: never a number."""


class _Dumper(yaml.SafeDumper):
    """Quotes all text that one of the two versions of YAML might take for something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name is PyYAML's
        """Write a value out wherever it stands: definitions have no aliases."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if WORD.fullmatch(value) else '"')


_Dumper.add_representer(str, _text)


def in_yaml(documents: Sequence[Any]) -> str:
    """Return documents of YAML, one after another."""
    return yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6, explicit_start=len(documents) > 1
    )
