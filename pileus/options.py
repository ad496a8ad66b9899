"""Options that several commands share."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

import msgspec

from config.settings import Settings, load_settings


def add_settings(parser: ArgumentParser) -> None:
    """Declare ``--settings`` and ``--broker``."""
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="settings (default: $PILEUS_SETTINGS)")
    parser.add_argument("--broker", metavar="HOST:PORT", help="Kafka (default: the settings' broker)")


def settings_of(args: Namespace) -> Settings:
    """Return the settings that the options and the environment ask for."""
    settings = load_settings(args.settings, os.environ)
    return msgspec.structs.replace(settings, broker=args.broker) if args.broker else settings
