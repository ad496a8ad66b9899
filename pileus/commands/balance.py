"""Be a balancer: what a member of a load balancer's cartridge runs.

It follows the definitions, serves the clusters of its application that its cartridge says (all that take requests,
or those of the property 'balancer.clusters') on one port by host name and context path, and keeps HAProxy and a
'pileus lb-agent' beside it alive. Who it is stands in its environment, as every member's does: PILEUS_MEMBER,
PILEUS_CLUSTER, PILEUS_APPLICATION, PILEUS_TENANT, HOST and PORT. On SIGTERM it takes no connection any more and ends
with its last request.
"""

import asyncio
import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pileus.options import add_settings, settings_of

MISSING = "needs PILEUS_MEMBER, PILEUS_CLUSTER, PILEUS_APPLICATION and PORT in its environment, as a member has them"


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_settings(parser)
    parser.add_argument("--directory", type=Path, metavar="DIR", help="what the balancer keeps (default: a new one)")


def main(args: Namespace) -> int:
    """Run until told to stop; 1 when the balancer does not come up, 2 when it is no member."""
    from actuators.ports import BalancerError
    from config.errors import ConfigError
    from pileus.stack.balance import Member, serve
    from pileus.stack.logs import log_to_stderr

    try:
        member, settings = Member.of(os.environ), settings_of(args)
    except (ConfigError, KeyError, ValueError) as error:
        sys.stderr.write(f"pileus balance: {MISSING if isinstance(error, KeyError) else error}\n")
        return 2
    log_to_stderr()

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(member, settings, directory=args.directory, stop=stop)

    try:
        asyncio.run(run())
    except BalancerError as error:
        sys.stderr.write(f"pileus balance: {error}\n")
        return 1
    return 0
