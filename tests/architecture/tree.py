"""The tree under test: its root, its packages, its files, its own rules as ``pyproject.toml`` states them."""

import ast
import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("config", "predictors", "streams", "actuators", "dashboards", "pileus")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def sources(*folders: str) -> list[Path]:
    """Return every Python file under the folders, in order."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def files() -> list[Path]:
    """Return every file that git tracks or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def parse(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(), filename=str(path))


def name(path: Path) -> str:
    """Return a file's name as a test's id."""
    return str(path.relative_to(ROOT))


def module(path: Path) -> str:
    """Return a source file's import name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.Module) -> set[str]:
    """Return the top-level name of everything that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found
