"""The ordered end of a run: its composite applications are withdrawn, and what they consist of ends in order."""

import asyncio
from collections.abc import Collection, Sequence

from config.catalogue import Catalogue
from config.signup import OfApplication
from pileus.lives import Application, Lives, short_name
from pileus.stack.local import LocalStack, StackError
from pileus.stack.shown import composites
from streams.records.instance import Instance, Level

UNDEPLOY_S = 60.0
"""How long the ordered end may take (s), and a quarter more for each level of start-up order after the first."""
LOOK_S = 0.1


def withdrawals(catalogue: Catalogue, applications: Collection[Application]) -> list[tuple[str, None]]:
    """Return the records that withdraw applications, what belongs to them first."""
    keys = [
        key
        for key, each in catalogue.definitions.items()
        if isinstance(each, OfApplication) and each.application_id in {name for _, name in applications}
    ]
    keys += [("application", tenant, name) for tenant, name in sorted(applications)]
    return [("/".join(key), None) for key in keys]


async def in_order(stack: LocalStack, lives: Lives, *, asked: asyncio.Event) -> str:
    """End the composite applications in order, and return what had not ended when its time was over.

    ``asked`` ends the wait. Nothing is done when nothing of them is there.
    """
    applications = composites(stack.applications)
    if not lives.left(applications):
        return ""
    asked.clear()
    loop = asyncio.get_running_loop()
    until = loop.time() + UNDEPLOY_S * (1 + (stack.levels - 1) / 4)
    try:
        await stack.withdraw(withdrawals(stack.catalogue, applications))
    except StackError as error:
        return f"applications not withdrawn: {error}"
    told = ""
    while left := lives.left(applications):
        if loop.time() >= until or asked.is_set():
            return f"ended at once, not in order: {_names(left)}"
        if (now := _names(left)) != told:
            stack.tell(f"ending in order, Ctrl-C ends at once; left: {(told := now)}")
        await asyncio.sleep(LOOK_S)
    return ""


def _names(instances: Sequence[Instance]) -> str:
    """Name the clusters; when there is none of them, everything else."""
    clusters = [each for each in instances if each.level is Level.CLUSTER]
    return ", ".join(short_name(each) for each in clusters or instances)
