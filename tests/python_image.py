"""An image with Python and the sample application, made of this machine's own files: no registry is asked.

A stand-in for what ``docker build -t pileus:local .`` makes from ``python:3.12-slim`` where a registry can be reached:
the interpreter that runs the tests, its standard library, the libraries it is linked to, aiohttp and what that needs.
"""

import importlib.util
import py_compile
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from docker import APIClient

IMAGE = "pileus-test/sample:1"
ROOT = Path(__file__).resolve().parent.parent
SITE = "opt/site"
PACKAGES = ["aiohttp", "aiohappyeyeballs", "aiosignal", "attr", "attrs", "frozenlist", "idna", "multidict", "propcache"]
PACKAGES += ["yarl", "typing_extensions"]
LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "__pycache__"}


def import_sample(client: APIClient) -> None:
    """Make the image."""
    with tempfile.TemporaryDirectory() as folder:
        load_sample(client, pack_sample(Path(folder) / "sample.tar"))


def load_sample(client: APIClient, packed: Path) -> None:
    """Make the image of what was packed before."""
    repository, _, tag = IMAGE.partition(":")
    changes = [f"ENV PYTHONPATH=/{SITE} PATH=/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1", 'CMD ["python3"]']
    client.import_image_from_file(str(packed), repository=repository, tag=tag, changes=changes)


def pack_sample(packed: Path) -> Path:
    """Write the files of the image to ``packed``, and return it."""
    with tarfile.open(packed, mode="w") as tar:
        used = _used()
        for source, target in _files():
            tar.add(source, target, recursive=False)
            if str(source) in used:
                _add_bytecode(tar, source, target)
        tar.addfile(_link("usr/bin/python3", str(Path(sys.executable).resolve())))
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
    return packed


def _used() -> set[str]:
    """Return the sources that the application loads: every container would compile them again."""
    code = "import sys, asyncio, pileus.sample_app; print(*(getattr(m, '__file__', '') for m in sys.modules.values()))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    return {str(Path(name)) for name in done.stdout.split() if name.endswith(".py")}


def _add_bytecode(tar: tarfile.TarFile, source: Path, target: str) -> None:
    """Add what the interpreter makes of a source, to be taken unchecked."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made"
        py_compile.compile(str(source), str(made), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        tar.add(made, importlib.util.cache_from_source(target))


def _files() -> Iterator[tuple[Path, str]]:
    """Yield each file, and where it stands in the image."""
    programs = [Path(sys.executable).resolve()]
    library = Path(sysconfig.get_path("stdlib"))
    for path in _below(library):
        yield path, str(path).lstrip("/")
        programs += [path] * (path.suffix == ".so")
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        for path in _below(origin.parent) if origin.name == "__init__.py" else [origin]:
            inside = path.relative_to(origin.parent.parent if origin.name == "__init__.py" else origin.parent)
            yield path, f"{SITE}/{inside}"
            programs += [path] * (path.suffix == ".so")
    for name in ("__init__.py", "sample_app.py"):
        yield ROOT / "pileus" / name, f"{SITE}/pileus/{name}"
    yield programs[0], str(programs[0]).lstrip("/")
    for path in sorted(_libraries(programs)):
        yield path.resolve(), str(path).lstrip("/")


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files of a library, without what nobody runs."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and not LEFT_OUT.intersection(inside) and not inside[0].startswith("config-"):
            yield path


def _libraries(programs: list[Path]) -> set[Path]:
    """Return the shared libraries that programs are linked to."""
    found: set[Path] = set()
    done = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False, timeout=60)
    for name in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", done.stdout, flags=re.MULTILINE):
        found.add(Path(name))
    return found


def _link(name: str, target: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry
