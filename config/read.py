"""Read JSON and YAML: duplicate keys refused, syntax errors with line and column, no surprises of YAML 1.1."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from config.errors import Problem
from config.parse import Source

SUFFIXES = (".json", ".yaml", ".yml")
LARGEST = 4 * 1024 * 1024
"""Bytes of one file."""

Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Knows no types: what a plain word means is decided here, as JSON and YAML 1.2 have it."""

TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map")}
"""What nodes have that were given no tag."""
INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,300})")
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
WORDS = {"null": None, "~": None, "": None, "true": True, "false": False}
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')


class _SyntaxError(Exception):
    """The text is not what it should be, at this line and column (from 1)."""

    def __init__(self, line: int, column: int, what: str) -> None:
        self.line, self.column, self.what = line, column, what
        super().__init__(what)


def read(paths: Sequence[Path]) -> tuple[list[Source], list[Problem]]:
    """Read files, and folders with all that lies in them, in the order of their names."""
    sources: list[Source] = []
    problems: list[Problem] = []
    for path in paths:
        files = list(_files(path))
        if not files:
            problems.append(Problem(file=str(path), bound=f"holds no definition ({', '.join(SUFFIXES)})"))
        for file in files:
            try:
                sources += _documents(file, problems)
            except _SyntaxError as error:
                where = f"{file}:{error.line}:{error.column}" if error.line else str(file)
                problems.append(Problem(file=where, bound=error.what))
    return sources, problems


def _files(path: Path) -> Iterator[Path]:
    """Yield a file itself; of a folder everything below that may hold a definition."""
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.suffix in SUFFIXES and not hidden and file.is_file():
            yield file


def _documents(file: Path, problems: list[Problem]) -> Iterator[Source]:
    """Yield what a file holds: one document of JSON, any number of YAML.

    JSON with a key given twice is refused, and read on with the last one: what else is wrong is told at once.
    """
    try:
        if file.stat().st_size > LARGEST:
            raise _SyntaxError(0, 0, f"must have at most {LARGEST} bytes")
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _SyntaxError(0, 0, f"cannot be read: {error}") from error
    repeated: list[dict[str, Any]] = []
    try:
        documents = list(_yaml(text)) if file.suffix in {".yaml", ".yml"} else [_json(text, repeated)]
    except RecursionError as error:
        raise _SyntaxError(0, 0, "nested too deep") from error
    found = _twice(text) if repeated else ()
    twice = [Problem(file=f"{file}:{line}:{at}", bound=what) for line, at, what in found]
    problems += twice
    for i, document in enumerate(documents, start=1):
        yield Source(f"{file}#{i}" if len(documents) > 1 else str(file), document, refused=bool(twice))


def _json(text: str, repeated: list[dict[str, Any]]) -> Any:
    """Read one document of JSON; note the objects in which a key is ``repeated``.

    Raises
    ------
    _SyntaxError
        Not JSON, NaN or Infinity.
    """

    def whole(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            repeated.append(found)
        return found

    try:
        return json.loads(text, parse_constant=_no_such_number, object_pairs_hook=whole)
    except json.JSONDecodeError as error:
        raise _SyntaxError(error.lineno, error.colno, f"must be JSON: {error.msg}") from error
    except ValueError as error:
        raise _SyntaxError(0, 0, f"must be JSON: {error}") from error


def _no_such_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _twice(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield line and column of each key given twice in one object, which Stratos' parser resolved by chance."""
    seen: list[set[str]] = []
    last = None
    for token in TOKEN.finditer(text):
        word = token.group()
        if word in "{[":
            seen.append(set())
        elif word in "}]":
            seen.pop()
        elif word == ":" and last is not None:
            key = json.loads(last.group())
            if key in seen[-1]:
                line = text.count("\n", 0, last.start()) + 1
                column = last.start() - text.rfind("\n", 0, last.start())
                yield line, column, f"key '{key}' is given twice"
            seen[-1].add(key)
        last = token


def _yaml(text: str) -> Iterator[Any]:
    """Read all documents of YAML; empty ones are left out.

    Raises
    ------
    _SyntaxError
        Not YAML, a key given twice, an alias or a tag.
    """
    try:
        for node in yaml.compose_all(text, Loader):
            if node is not None and not (isinstance(node, yaml.ScalarNode) and not node.value):
                yield _plain(node, set())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise _SyntaxError(*at, f"must be YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise _SyntaxError(0, 0, f"must be YAML: {str(error).splitlines()[0]}") from error


def _plain(node: yaml.Node, seen: set[int]) -> Any:
    """Return what a node holds."""
    mark = node.start_mark
    if id(node) in seen:
        raise _SyntaxError(mark.line + 1, mark.column + 1, "must not be referred to by an alias")
    seen.add(id(node))
    if node.tag not in TAGS:
        raise _SyntaxError(mark.line + 1, mark.column + 1, f"must not have a tag, has {node.tag}")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, seen) for each in node.value]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value in found:
            what = f"key '{key.value}' is given twice" if isinstance(key, yaml.ScalarNode) else "a key must be a word"
            raise _SyntaxError(key.start_mark.line + 1, key.start_mark.column + 1, what)
        found[key.value] = _plain(value, seen)
    return found


def _scalar(node: yaml.ScalarNode) -> Any:
    """Return a word as JSON and YAML 1.2 have it: ``no`` is text, ``1.10`` in quotes is text."""
    text = str(node.value)
    if node.style:
        return text
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if DECIMAL.fullmatch(text) else text
