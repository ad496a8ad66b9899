"""Packages that tests need and that do not go with ours: each lot in a folder of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.brokers import MissingPartError

FETCH_S = 600.0


def packages(listed: Path, folder: Path) -> Path:
    """Return the folder with the packages that a requirements file lists; fill it when some are missing or others.

    Raises
    ------
    MissingPartError
        There is no pip, or it cannot.
    """
    fetched = folder / listed.name  # copied last, so its presence means a whole install
    if fetched.is_file() and fetched.read_bytes() == listed.read_bytes():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    command = [*_pip(), "--target", str(folder), "-r", str(listed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, check=False)
    if done.returncode:
        raise MissingPartError(f"{listed} cannot be installed: {(done.stdout + done.stderr)[-2000:]}")
    shutil.copy(listed, fetched)
    return folder


def _pip() -> list[str]:
    """Return the command that installs packages for this interpreter."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
