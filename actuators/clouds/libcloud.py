"""Clouds of virtual machines, through any of libcloud's compute drivers.

Only what carries our tags is seen or touched. A member has one instance: before a create its instances are looked for,
a create carries the member's client token where the cloud knows tokens, and should there be two after all, everybody
keeps the same one and ends the others. Nothing is repeated here: the executor asks again, and what is there is found.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import structlog

from actuators.clouds.libcloud_cloudstack import CloudStack
from actuators.clouds.libcloud_dialects import Dialect, Driver, Ec2, Metadata, Node
from actuators.clouds.libcloud_drivers import Drivers
from actuators.clouds.libcloud_ended import Ended
from actuators.clouds.libcloud_errors import is_gone, translated
from actuators.clouds.libcloud_found import Fate, Found, found, kept, pending, spare
from actuators.clouds.libcloud_labels import where_of
from actuators.clouds.libcloud_request import Request, request
from actuators.clouds.names import check_member, is_member
from actuators.ports import CloudError, Instance, InvalidRequestError, OutOfCapacityError, TransientCloudError, Where
from config.accounts import Account
from streams.records.action import Launch

SETTLE_S = 10.0
"""How long a launch waits for the word that there is no room, where a create is accepted before that is known (s)."""
DIALECTS: Mapping[str, Dialect] = {
    **dict.fromkeys(("ec2", "outscale", "eucalyptus"), Ec2()),
    **dict.fromkeys(("cloudstack", "exoscale"), CloudStack()),
}
"""By libcloud's name of the driver; any other is a cloud that takes metadata at a create, or refused."""

log = structlog.get_logger()


class LibcloudCloud:
    """Run instances as virtual machines of one account.

    Parameters
    ----------
    account : Account
        Driver, regions, credentials, bounds.
    settings : mapping of str
        What agents on instances are told beside who they are (``PILEUS_BROKER`` ...).
    ended : Path, optional
        File that remembers the members that have ended, for clouds that forget them.
    """

    def __init__(self, account: Account, *, settings: Mapping[str, str], ended: Path | None = None) -> None:
        self._account = account
        self._settings = dict(settings)
        self._drivers = Drivers(account)
        self._dialect: Dialect = DIALECTS.get(account.driver) or Metadata()
        self._launching: dict[str, asyncio.Task[Instance]] = {}
        self._ended = Ended(ended)
        self._seen: set[str] = set()
        """Members whose instance was seen alive."""

    async def instances(self) -> Mapping[str, Instance]:
        """Return every instance that is alive, by member; begin to end what is broken, or a member's second.

        Raises
        ------
        TransientCloudError
            A region did not answer: a part is not taken for the whole.
        CredentialsError
            The account may not look.
        """
        seen, by_member = set(self._seen), defaultdict[str, list[Found]](list)
        for each in await self._found():
            by_member[each.member].append(each)
        counts = {member: kept(there) for member, there in by_member.items()}
        self._note_ends(member for member in seen if counts.get(member) is None)
        await self._clear(each for member, there in by_member.items() for each in spare(there, counts[member]))
        return {member: each.instance for member, each in counts.items() if each is not None}

    async def launch(self, where: Where, launch: Launch) -> Instance:
        """Ask for an instance, and return it as the cloud has it: its address may not be known yet.

        A launch goes on when its caller gives up; the next one for the member waits for the same answer.

        Raises
        ------
        OutOfCapacityError, CredentialsError, TransientCloudError
            As the cloud says.
        InvalidRequestError
            The request can never be, or the member has run and ended.
        """
        check_member(where.member)
        if where.member in self._ended:
            raise _has_ended(where.member)
        wanted = request(self._account, where, launch, settings=self._settings)
        task = self._launching.get(where.member)
        if task is None:
            task = asyncio.create_task(self._launch(wanted))
            self._launching[where.member] = task
            task.add_done_callback(lambda done: self._launched(where.member, done))
        return await asyncio.shield(task)

    async def terminate(self, member: str, grace_s: float) -> None:  # noqa: ARG002 - see below
        """End a member's instance and return once it is gone. One already gone, or never there, is a success.

        The cloud shuts the machine down in its own time, whatever ``grace_s`` says.

        Raises
        ------
        CredentialsError, TransientCloudError
            As the cloud says; or it is not gone yet, and ending it again waits on.
        """
        if not is_member(member):
            return
        self._ended.add([member])
        if (task := self._launching.get(member)) is not None:
            await asyncio.wait([task])
        await self._clear(await self._found(member), must=True)
        try:
            async with asyncio.timeout(self._account.end_s):
                await self._gone(member)
        except TimeoutError:
            said = f"member {member}: its instance ends, and is not gone after {self._account.end_s:g} s"
            raise TransientCloudError(said) from None

    async def _gone(self, member: str) -> None:
        """Return once a member has no instance that has not ended."""
        while any(each.fate is not Fate.ENDED for each in await self._found(member)):  # noqa: ASYNC110 - the cloud tells nobody
            await asyncio.sleep(self._account.poll_s)

    def close(self) -> None:
        """Begin nothing more. Instances stay."""
        self._drivers.close()

    async def _launch(self, wanted: Request) -> Instance:
        """Return the member's instance: the one that is there, or a new one."""
        there = await self._found(wanted.name)
        if (counts := kept(there)) is not None:
            return counts.instance
        if there:
            raise _has_ended(wanted.name)
        node = await self._drivers.call(
            wanted.region, f"launch {wanted.name}", lambda driver: self._dialect.create(driver, wanted)
        )
        if not getattr(node, "id", None):
            raise TransientCloudError(f"launch {wanted.name}: the cloud's answer names no instance")
        where = where_of(wanted.labels, self._account.owner)
        assert where is not None  # noqa: S101 - they are the labels that we made
        created = found(wanted.region, node, where, wanted.labels, address=self._account.address)
        return created.instance if self._dialect.once else await self._settled(created)

    async def _settled(self, created: Found) -> Instance:
        """Return the member's instance once the cloud has begun to run it, or after ``SETTLE_S`` whatever it does.

        Some clouds accept a create and find no room afterwards: that is told as if they had said so at once.
        """
        deadline = asyncio.get_running_loop().time() + SETTLE_S
        while True:
            there = {created.node.id: created} | {each.node.id: each for each in await self._found(created.member)}
            newest, counts = there[created.node.id], kept(there.values())
            if counts is None and newest.fate is Fate.BROKEN:
                await self._clear([newest])
                raise _broken(newest)
            if not pending(counts) or asyncio.get_running_loop().time() >= deadline:
                return (counts or newest).instance
            await asyncio.sleep(self._account.poll_s)

    def _launched(self, member: str, task: asyncio.Task[Instance]) -> None:
        """Let go of a launch. Its error is told to whoever waits, and to the log when nobody may."""
        self._launching.pop(member, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("a launch failed", member=member, error=str(error))

    async def _found(self, member: str = "") -> list[Found]:
        """Return our instances in every region, or a member's; ended ones too, as long as the cloud shows them."""
        what = f"look for {member}" if member else "list instances"

        def look(driver: Driver) -> list[Node]:
            return list(self._dialect.nodes(driver, self._account.owner, member))

        regions = self._account.regions
        listed = await asyncio.gather(*(self._drivers.call(region, what, look) for region in regions))
        there = list[Found]()
        for region, nodes in zip(regions, listed, strict=True):
            for node in nodes:
                tags = self._dialect.tags(node)
                where = where_of(tags, self._account.owner)
                if where is not None and member in {"", where.member}:
                    there.append(found(region, node, where, tags, address=self._account.address))
        self._seen |= {each.member for each in there if each.fate is Fate.ALIVE}
        return there

    def _note_ends(self, gone: Iterable[str]) -> None:
        """Remember the members that were alive and are no more; one that is being launched just now is not judged."""
        ended = sorted(member for member in gone if member not in self._launching)
        self._seen -= set(ended)
        self._ended.add(ended)

    async def _clear(self, there: Iterable[Found], *, must: bool = False) -> None:
        """Begin to end instances. What fails is told, and raised when it ``must`` be done."""
        for each in there:
            if each.fate in {Fate.ENDED, Fate.ENDING}:
                continue
            try:
                await self._drivers.call(each.region, f"end {each.node.id}", partial(self._end, each))
            except CloudError as error:
                if must:
                    raise
                log.warning("an instance that nobody needs did not end", instance=each.node.id, error=str(error))
            else:
                log.info("an instance ends", member=each.member, instance=each.node.id, fate=each.fate)

    def _end(self, which: Found, driver: Driver) -> None:
        """Ask for one instance's end; one that is gone already is a success."""
        try:
            self._dialect.destroy(driver, which.node)
        except Exception as error:
            if not is_gone(error):
                raise


def _broken(which: Found) -> CloudError:
    """Return why an instance never came up: what the cloud says, else that this is no place for it."""
    fault = which.node.extra.get("fault")
    said = str(fault.get("message", "")) if isinstance(fault, dict) else ""
    error = translated(Exception(said or "in error"), f"launch {which.member}")
    return error if isinstance(error, OutOfCapacityError) else OutOfCapacityError(str(error))


def _has_ended(member: str) -> InvalidRequestError:
    return InvalidRequestError(f"member {member} has run and ended: its name is never used again")
