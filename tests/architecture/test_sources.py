"""What every source file keeps to; the linters hold the rest."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, PROJECT, ROOT, files, name, parse, sources

MAX_LINES = 400
CODE = sources(*PACKAGES)
TESTS = sources("tests")
VAGUE = {"utils.py", "helpers.py", "base.py", "manager.py", "common.py", "misc.py"}

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public(body: list[ast.stmt]) -> Iterator[Documented]:
    """Yield the public functions and classes of a module, and the public methods of those classes."""
    for node in body:
        if isinstance(node, Documented) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def is_overload(node: Documented) -> bool:
    """Return whether a function is an ``@overload``: its implementation carries the docstring."""
    return any(isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list)


def sleeps(tree: ast.Module) -> list[int]:
    """Return the lines that call ``time.sleep``, under any name."""
    modules, functions = {"time"}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname for alias in node.names if alias.name == "time" and alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            functions |= {alias.asname or alias.name for alias in node.names if alias.name == "sleep"}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if _is_sleep(call.func, modules=modules, functions=functions)]


def _is_sleep(called: ast.expr, *, modules: set[str], functions: set[str]) -> bool:
    """Return whether an expression names ``time.sleep``."""
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        return called.attr == "sleep" and called.value.id in modules
    return isinstance(called, ast.Name) and called.id in functions


@pytest.mark.parametrize("path", CODE, ids=name)
def test_a_module_and_all_that_is_public_in_it_is_documented(path: Path) -> None:
    tree = parse(path)
    bare = [
        f"{node.name} (line {node.lineno})"
        for node in public(tree.body)
        if not ast.get_docstring(node) and not is_overload(node)
    ]

    assert ast.get_docstring(tree)
    assert not bare


@pytest.mark.parametrize("path", [path for path in CODE if path.name == "__init__.py"], ids=name)
def test_an_init_holds_a_docstring_and_nothing_else(path: Path) -> None:
    tree = parse(path)

    assert len(tree.body) == 1
    assert ast.get_docstring(tree)


@pytest.mark.parametrize("path", CODE + TESTS, ids=name)
def test_a_file_is_short_named_for_what_it_holds_and_imports_absolutely(path: Path) -> None:
    relative = [node.lineno for node in ast.walk(parse(path)) if isinstance(node, ast.ImportFrom) and node.level]

    assert len(path.read_text().splitlines()) <= MAX_LINES
    assert path.name not in VAGUE
    assert not relative


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_no_test_sleeps_and_hopes(path: Path) -> None:
    assert not sleeps(parse(path)), "wait for a condition: tests/waiting.py"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import time\ntime.sleep(1)", id="by its module"),
        pytest.param("import time as t\nt.sleep(1)", id="by another name of the module"),
        pytest.param("from time import sleep as nap\nnap(1)", id="by another name of its own"),
    ],
)
def test_a_sleep_is_found(code: str) -> None:
    assert sleeps(ast.parse(code)) == [2]


def test_every_package_is_complete_and_every_folder_of_code_is_a_package() -> None:
    bare = {name(path.parent) for path in CODE if not (path.parent / "__init__.py").exists()}

    assert not bare


def test_what_is_not_python_is_installed_too() -> None:
    patterns = [
        f"{package}/{pattern.replace('**/*', '*')}"
        for package, listed in PROJECT["tool"]["setuptools"]["package-data"].items()
        for pattern in listed
    ]
    data = [name(path) for path in files() if name(path).split("/")[0] in PACKAGES and path.suffix != ".py"]
    forgotten = [each for each in data if not any(fnmatch(each, pattern) for pattern in patterns)]

    assert not forgotten, f"missing in [tool.setuptools.package-data] of {ROOT / 'pyproject.toml'}"
