"""Options that several commands share."""

import getpass
import math
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable
from pathlib import Path

import msgspec

from config.errors import did_you_mean
from config.settings import Settings, load_settings

PORTS = 65_535
MOST = 1024
"""Most processes that one command starts."""


def add_settings(parser: ArgumentParser) -> None:
    """Declare ``--settings`` and ``--broker``."""
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="settings (default: $PILEUS_SETTINGS)")
    parser.add_argument("--broker", metavar="HOST:PORT", help="Kafka (default: the settings' broker)")


def settings_of(args: Namespace) -> Settings:
    """Return the settings that the options and the environment ask for."""
    settings = load_settings(args.settings, os.environ)
    return msgspec.structs.replace(settings, broker=args.broker) if args.broker else settings


def user() -> str:
    """Return who runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def positive(text: str) -> float:
    """Read a number greater than 0.

    Raises
    ------
    ArgumentTypeError
        It is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"{text}: must be a number greater than 0")
    return value


def port(text: str) -> int:
    """Read a port; 0 is none.

    Raises
    ------
    ArgumentTypeError
        It is not 0..65535.
    """
    if not (text.isascii() and text.isdecimal() and int(text) <= PORTS):
        raise ArgumentTypeError(f"{text}: must be a port, 0 to {PORTS}")
    return int(text)


def at_least_one(text: str) -> int:
    """Read a whole number from 1 to 1024.

    Raises
    ------
    ArgumentTypeError
        It is none.
    """
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
        raise ArgumentTypeError(f"{text}: must be a whole number in 1..{MOST}")
    return int(text)


def add_paths(parser: ArgumentParser, nargs: str = "+") -> None:
    """Declare ``PATH``."""
    parser.add_argument("paths", metavar="PATH", nargs=nargs, type=Path, help="file or folder with definitions")


def missing(args: Namespace, command: str) -> bool:
    """Tell of paths that are not there; return whether there are any."""
    absent = [path for path in args.paths if not path.exists()]
    sys.stderr.write("".join(f"pileus {command}: {path}: no such file or folder\n" for path in absent))
    return bool(absent)


def unknown_kind(kind: str, known: Iterable[str], command: str) -> bool:
    """Tell that a kind is none, and which was probably meant; return whether it is so."""
    names = list(known)
    if kind in names:
        return False
    hint = did_you_mean(kind, names) or f"one of {', '.join(names)}"
    sys.stderr.write(f"pileus {command}: no kind '{kind}', {hint}\n")
    return True
