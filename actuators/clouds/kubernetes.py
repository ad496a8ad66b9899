"""The cloud of a Kubernetes cluster: each instance is a pod, named as its member.

The API server is the record. Why nothing runs twice, or after its end, whoever is killed or wakes up late:

1. A pod has its member's name, and the server gives a name once: who comes second finds the first.
2. To end a member is first to write its tombstone, a labelled ConfigMap, and then to delete its pod, by its uid.
3. To launch is to create the pod with a scheduling gate, to look for the tombstone, and then to take the gate away.
   Behind the gate nothing runs; a tombstone written before that look is seen, one written later comes with a deletion.

Only what carries our owner's label is seen or touched. Members that are pods of a Deployment, or of anything else with
a scale: :mod:`actuators.clouds.kubernetes_scale`.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from weakref import WeakValueDictionary

import structlog

from actuators.clouds.kubernetes_options import Options, options
from actuators.clouds.kubernetes_pod import Phase, Pod, manifest, whole_s
from actuators.clouds.kubernetes_scale import ScaledPods
from actuators.clouds.kubernetes_store import Store, by_member
from actuators.clouds.names import check_member, is_member
from actuators.kube.answers import Refused
from actuators.kube.api import Api
from actuators.ports import CloudError, Instance, InvalidRequestError, OutOfCapacityError, TransientCloudError, Where
from config.kubernetes_account import KubernetesAccount
from streams.records.action import Launch

ATTEMPTS = 5
"""How often a launch looks again when its pod was changed under its hands."""
FIRST_POLL_S = 0.1
"""How soon a pod that starts or ends is looked at; ever later, up to the account's ``poll_s``."""
TIDY_S = 3600.0
"""How often old tombstones are looked for (s)."""

log = structlog.get_logger()


class KubernetesCloud:
    """Run instances as pods of one cluster.

    Parameters
    ----------
    account : KubernetesAccount
        Cluster, credentials, owner, namespaces, bounds.
    settings : mapping of str
        What members and their agents are told beside who they are (``PILEUS_BROKER`` ...).
    now : callable
        Time (s since the Unix epoch), for the age of tombstones.
    """

    def __init__(self, account: KubernetesAccount, *, settings: Mapping[str, str], now: Callable[[], float]) -> None:
        self._account = account
        self._settings = dict(settings)
        self._now = now
        self._api = Api(account, clock=time.monotonic)
        self._store = Store(self._api)
        self._scaled = ScaledPods(self._store)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._seen: set[str] = set()
        """Members whose pod was seen alive."""
        self._cleared: set[str] = set()
        """Members whose pod has ended and is deleted, and stays as long as somebody's finalizer holds it."""
        self._tidy_at = 0.0

    async def instances(self) -> Mapping[str, Instance]:
        """Return every pod that is not gone, by member, and clear away those that ended by themselves.

        Raises
        ------
        TransientCloudError, CredentialsError
            It is not known what pods there are.
        """
        there = by_member(await asyncio.to_thread(self._store.known))
        found = {member: counts for member, pods in there.items() if (counts := _counts(pods)) is not None}
        alive = {member for member, each in found.items() if each.phase is Phase.ALIVE}
        gone = {member for member in there if member not in found} | (self._seen - found.keys())
        self._seen = alive | (self._seen & found.keys())
        self._cleared &= {member for member, pods in there.items() if all(each.deleted for each in pods)}
        await asyncio.gather(*(self._clear(each) for each in gone - self._cleared if each not in self._turns))
        await self._tidy()
        return {member: each.instance for member, each in found.items()}

    async def launch(self, where: Where, launch: Launch) -> Instance:
        """Start a pod and return once it runs, or after ``settle_s``: its address may not be known then.

        Properties: :func:`actuators.clouds.kubernetes_options.options`.

        Raises
        ------
        OutOfCapacityError
            No node takes the pod, or a quota is reached.
        CredentialsError, TransientCloudError
            As the server says.
        InvalidRequestError
            The pod can never be, its name is another's, or the member has run and ended.
        """
        check_member(where.member)
        made = options(self._account, launch.properties, tenant=where.tenant)
        if not launch.image and made.workload is None:
            raise InvalidRequestError(f"member {where.member}: image is empty, a pod needs one (imageId)")
        async with self._turns.setdefault(where.member, asyncio.Lock()):
            which = await self._started(where, launch, made)
            instance = (await self._settled(which)).instance
            self._seen.add(where.member)
            return instance

    async def terminate(self, member: str, grace_s: float) -> None:
        """Delete a member's pod with ``grace_s`` from SIGTERM to SIGKILL, and return once it is gone.

        One that is gone, or never was, is a success; the name is not used any more from then on.

        Raises
        ------
        CredentialsError, TransientCloudError
            As the server says; or it is not gone yet, and ending it again waits on.
        """
        if not is_member(member):
            return
        await self._store.bury(member)
        deadline = asyncio.get_running_loop().time() + grace_s + self._account.end_s
        pause_s, seen = FIRST_POLL_S, dict[str, Pod]()
        while there := await self._store.pods(member):
            seen |= {each.uid: each for each in there}
            await self._end(there, grace_s)
            if asyncio.get_running_loop().time() >= deadline:
                waited_s = grace_s + self._account.end_s
                raise TransientCloudError(f"member {member}: its pod ends, and is not gone after {waited_s:g} s")
            pause_s = await self._pause(pause_s)
        for each in seen.values():
            self._store.forget(each)
        self._seen.discard(member)

    async def destroy_all(self, grace_s: float = 10.0) -> Mapping[str, Instance]:
        """End every pod of this owner, and return what is left: normally nothing.

        Raises
        ------
        CredentialsError, TransientCloudError
            As the server says.
        """
        members = by_member(await asyncio.to_thread(self._store.known))
        await asyncio.gather(*(self.terminate(member, grace_s) for member in members))
        return await self.instances()

    def close(self) -> None:
        """Let go of the API server. Pods live on."""
        self._store.close()
        self._api.close()

    async def _started(self, where: Where, launch: Launch, made: Options) -> Pod:
        """Return the member's pod, behind no gate: the one that there is, or a new one."""
        member = where.member
        for _ in range(ATTEMPTS):
            there = await self._store.pods(member)
            if (alive := next((each for each in there if each.phase is Phase.ALIVE), None)) is not None:
                return alive
            if ended := [each for each in there if each.phase is not Phase.CREATED]:
                raise InvalidRequestError(f"member {member} has run and ended: {ended[0].said or 'its pod is deleted'}")
            if made.workload is not None:
                return await self._scaled.claimed(where, launch, made)
            held = there[0] if there else await self._created(where, launch, made)
            if held is not None and (started := await self._let_go(held)) is not None:
                return started
        raise TransientCloudError(f"kubernetes: member {member}: its pod is changed while it is launched")

    async def _created(self, where: Where, launch: Launch, made: Options) -> Pod | None:
        """Create a pod that is held back. ``None``: somebody else has created it meanwhile."""
        port = made.container_port or (launch.ports[0] if launch.ports else 0)
        settings = self._settings
        try:
            return await self._store.create(
                manifest(where, launch, made, owner=self._account.owner, port=port, settings=settings)
            )
        except Refused:
            if await self._store.pods(where.member):
                return None
        if await self._store.read(made.namespace, where.member) is not None:
            there = f"{made.namespace}/{where.member}"
            raise InvalidRequestError(f"member {where.member}: a pod that is not ours has its name, {there}")
        return None

    async def _let_go(self, held: Pod) -> Pod | None:
        """Take the gate away, unless the member has ended. ``None``: look again."""
        if await self._store.has_ended(held.where.member):
            await self._store.delete(held, grace_s=0)
            raise InvalidRequestError(f"member {held.where.member} has ended: its name is never used again")
        others = [{"name": each} for each in held.gates]
        return await self._store.change(held, {"spec": {"schedulingGates": others or None}})

    async def _settled(self, which: Pod) -> Pod:
        """Return a pod once it runs, or after ``settle_s`` whatever it does.

        Raises
        ------
        OutOfCapacityError
            No node takes it for ``room_s``; it is deleted, and its name may be used again.
        InvalidRequestError
            It can never run, or has ended.
        """
        loop = asyncio.get_running_loop()
        began, since, pause_s = loop.time(), None, FIRST_POLL_S
        while not (which.running and which.host):
            await self._refuse(which)
            since = (since or loop.time()) if which.no_room else None
            if since is not None and loop.time() - since >= self._account.room_s:
                await self._give_up(which)
            if loop.time() - began >= self._account.settle_s:
                break
            pause_s = await self._pause(pause_s)
            now = await self._store.again(which)
            if now is None:
                raise InvalidRequestError(f"member {which.where.member}: its pod was deleted while it started")
            which = now
        return which

    async def _refuse(self, which: Pod) -> None:
        """Refuse a pod that will never run, and end it."""
        if which.turned_away:
            await self._leave(which)
            raise OutOfCapacityError(f"kubernetes: member {which.where.member}: its node refused {which.turned_away}")
        never = which.never or (f"it has ended: {which.said}" if which.phase is Phase.ENDED else "")
        if never:
            if not which.workload:
                await self._store.bury(which.where.member)
                await self._store.delete(which, grace_s=1)
            raise InvalidRequestError(f"member {which.where.member}: its pod cannot run: {never}")

    async def _leave(self, which: Pod) -> None:
        """Take away a pod of which nothing has run."""
        if which.workload:
            await self._scaled.release(which)
        elif await self._store.delete(which, grace_s=0):
            self._store.forget(which)

    async def _give_up(self, which: Pod) -> None:
        """Delete a pod that no node takes, unless one has taken it meanwhile."""
        room = OutOfCapacityError(f"kubernetes: member {which.where.member}: no node takes its pod: {which.no_room}")
        if which.workload:
            await self._scaled.release(which)
            raise room
        if await self._store.delete(which, grace_s=0, unchanged=True):
            self._store.forget(which)
            raise room

    async def _end(self, there: Iterable[Pod], grace_s: float) -> None:
        """Ask for the end of pods that are not ending."""
        for each in there:
            if each.workload:
                await self._scaled.end(each, grace_s=whole_s(grace_s))
            elif each.phase is not Phase.ENDING:
                await self._store.delete(each, grace_s=whole_s(grace_s))

    async def _clear(self, member: str) -> None:
        """Begin to end a member that ended by itself; when that fails, say so and leave it to the next call."""
        try:
            await self._store.bury(member)
            await self._end(await self._store.pods(member), 1.0)
            self._cleared.add(member)
        except CloudError as error:
            self._seen.add(member)
            log.warning("pod not cleared away", member=member, error=str(error))

    async def _tidy(self) -> None:
        """Forget members that ended long ago; does nothing most of the time."""
        if (at := asyncio.get_running_loop().time()) >= self._tidy_at:
            self._tidy_at = at + TIDY_S
            await self._store.tidy(self._now())

    async def _pause(self, pause_s: float) -> float:
        """Wait, and return how long to wait next time (s)."""
        await asyncio.sleep(min(pause_s, self._account.poll_s))
        return min(2 * pause_s, self._account.poll_s)


def _counts(pods: list[Pod]) -> Pod | None:
    """Return the pod that counts for a member: one that is alive, if there is one; ``None``: all have ended."""
    order = (Phase.ALIVE, Phase.CREATED, Phase.ENDING)
    there = sorted((each for each in pods if each.phase in order), key=lambda each: (order.index(each.phase), each.uid))
    return there[0] if there else None
