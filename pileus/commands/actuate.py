"""Decide and act: the actuators (decider and executor).

Start as many as you like: they share the applications. Actions are carried out on the clouds named by
the definitions: ``local`` (processes on this machine), ``docker`` (containers of the engine that the setting
``docker_host`` names), ``memory`` (dry run), and the accounts in the file that the setting ``clouds_file`` names.
"""

import os
import socket
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pileus.options import add_settings, settings_of
from pileus.stack.logs import log_to_stderr


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_settings(parser)


def main(args: Namespace) -> int:
    """Run until SIGTERM or SIGINT; return 2 when the clouds' accounts cannot be used."""
    from actuators.app import ActuatorSettings, create_app
    from actuators.roster import Roster
    from config.errors import ConfigError
    from pileus.rules import decider_rules
    from pileus.stack.clouds import clouds
    from streams.faust_app import run

    log_to_stderr()
    settings, roster = settings_of(args), Roster()
    try:
        acted_on = clouds(settings, Path(settings.state_dir), roster.members)
    except (ConfigError, OSError, ValueError) as error:
        sys.stderr.write(f"pileus actuate: {error}\n")
        return 2
    actuators = ActuatorSettings(
        broker=settings.broker,
        partitions=settings.partitions,
        owner=f"{socket.gethostname()}/{os.getpid()}",
        rules=decider_rules(settings),
        checkpoint_s=settings.checkpoint_s,
        observe_s=min(settings.evaluation_s, 5.0),
        session_s=settings.session_s,
        fetch_wait_s=settings.fetch_wait_s,
    )
    return run(create_app(actuators, clouds=acted_on, now=time.time, roster=roster))
