"""What no file of the tree may name: a package registry's host, or a path of the machine it was written on."""

import os
import re
import zipfile
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, files, name

URL = re.compile(r"https?://([\w.-]+)|[\"']([\w-]+(?:\.[\w-]+)+)[\"']")
STRUCTURE = re.compile(
    r"^source = \{ registry|\"resolved\": *\"https?:|<repository>|^--(extra-)?index-url|^--find-links", re.MULTILINE
)
"""How lock files and build files say where a package comes from."""
APT = ("/etc/apt/sources.list", "/etc/apt/sources.list.d")


def pip_index() -> str:
    """Return pip's own word on where packages come from: installed, or as the interpreter bundles it."""
    try:
        return resources.files("pip").joinpath("_internal/models/index.py").read_text()
    except ModuleNotFoundError:
        return "".join(_in_wheel(each) for each in _bundled() if each.name.startswith("pip-"))


def _bundled() -> list[Traversable]:
    """Return the wheels that the interpreter carries for new environments."""
    try:
        return list(resources.files("ensurepip").joinpath("_bundled").iterdir())
    except (ModuleNotFoundError, FileNotFoundError):
        return []


def _in_wheel(wheel: Traversable) -> str:
    """Return the same module from a bundled wheel."""
    with resources.as_file(wheel) as path, zipfile.ZipFile(path) as archive:
        return archive.read("pip/_internal/models/index.py").decode()


def registry_hosts() -> set[str]:
    """Return the hosts that this machine's package clients ask, as their own settings name them."""
    apt = [each for place in APT for each in (Path(place).glob("*") if Path(place).is_dir() else [Path(place)])]
    said = [pip_index(), *(os.environ.get(each, "") for each in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "GOPROXY"))]
    said += [path.read_text(errors="replace") for path in apt if path.is_file()]
    hosts = {host for text in said for found in URL.findall(text) if (host := found[0] or found[1])}
    return {host for host in hosts if "." in host and not host.startswith("127.")}


def machine_paths() -> set[str]:
    """Return the paths that only this machine has."""
    return {str(ROOT), str(ROOT.parent / "shared"), f"{Path.home()}/"} - {"//", "/"}


FORBIDDEN = registry_hosts() | machine_paths()


def text(path: Path) -> str:
    """Return a file as text; a binary file is empty."""
    raw = path.read_bytes()
    return "" if b"\0" in raw[:8192] else raw.decode(errors="replace")


@pytest.mark.parametrize("path", files(), ids=name)
def test_a_file_names_no_registry_and_no_path_of_this_machine(path: Path) -> None:
    content = text(path)

    assert not {word for word in FORBIDDEN if word in content}
    if path != Path(__file__).resolve():
        assert not STRUCTURE.search(content)


def test_there_is_something_to_look_for() -> None:
    assert machine_paths() <= FORBIDDEN
    assert len(registry_hosts()) >= 1
