"""Find a balancer's program, and make sure that it is new enough."""

import re
import shutil
import subprocess
from pathlib import Path

from actuators.ports import BalancerError

ASK_S = 5.0
VERSION = re.compile(r"version:?\s+(?:nginx/)?(\d+)\.(\d+)")
PLACES = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where Debian has them, and an ordinary user's PATH has not."""
Version = tuple[int, int]


def find_program(kind: str) -> Path:
    """Return the program of that name.

    Raises
    ------
    BalancerError
        There is none.
    """
    found = shutil.which(kind) or shutil.which(kind, path=PLACES)
    if found is None:
        raise BalancerError(f"{kind}: not installed: there is no program '{kind}'")
    return Path(found)


def require_version(kind: str, least: Version) -> Path:
    """Return the program of that name, if it is at least of version ``least``.

    Raises
    ------
    BalancerError
        There is none, it does not say its version, or it is too old.
    """
    program = find_program(kind)
    try:
        ran = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BalancerError(f"{kind}: {program} does not say its version: {error}") from error
    said = VERSION.search(ran.stdout + ran.stderr)
    if said is None:
        raise BalancerError(f"{kind}: {program} does not say its version: {(ran.stdout + ran.stderr)[:200]!r}")
    found = (int(said[1]), int(said[2]))
    if found < least:
        raise BalancerError(f"{kind}: {program} is {found[0]}.{found[1]}, needs {least[0]}.{least[1]} or later")
    return program
