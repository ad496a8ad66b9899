"""The definitions in ``pileus.definitions``: read to the end within a bound, changed, published."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiokafka.structs import ConsumerRecord
from kafka.errors import KafkaError

from config.catalogue import Catalogue, decode
from config.index import Identity
from config.parse import Parsed
from pileus.difference import Change
from streams.admin import TopicError, list_topics, publish_definitions
from streams.follow import Follower
from streams.topics import DEFINITIONS

WITHIN_S = 20.0
"""How long reading the topic may take."""


class DefinitionsError(Exception):
    """The broker cannot be reached, has no such topic, or did not answer in time: try again later."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One definition as its record holds it."""

    key: str
    """``kind/tenant/id``."""
    value: bytes
    at: float
    """When it was declared (s since the Unix epoch)."""

    @property
    def identity(self) -> Identity:
        """Return kind, tenant and id, as the key says."""
        kind, tenant, name, *_ = (*self.key.split("/", 2), "", "")
        return kind, tenant, name

    def parsed(self) -> Parsed:
        """Return the definition, or what is wrong with it."""
        return decode(self.key, self.value)

    def document(self) -> dict[str, object] | None:
        """Return the document with its ``kind``, as it was declared; ``None`` when it is none."""
        try:
            document = json.loads(self.value)
        except (ValueError, RecursionError):
            return None
        return {"kind": self.identity[0], **document} if isinstance(document, dict) else None


def read_stored(broker: str, *, within_s: float = WITHIN_S) -> dict[Identity, Stored]:
    """Return what is declared now, by kind, tenant and id, sorted.

    Raises
    ------
    DefinitionsError
        It could not be read to its end ``within_s``.
    """
    try:
        _there(broker)
        found = asyncio.run(asyncio.wait_for(_to_the_end(broker), within_s))
    except TimeoutError as error:
        raise DefinitionsError(f"{DEFINITIONS.name} at {broker} not read to its end within {within_s:g} s") from error
    except (KafkaError, TopicError, OSError) as error:
        raise DefinitionsError(f"{DEFINITIONS.name} at {broker} cannot be read: {error}") from error
    return {found[key].identity: found[key] for key in sorted(found)}


def publish(broker: str, changes: Iterable[Change]) -> None:
    """Publish definitions that are new or changed, in the order given.

    Raises
    ------
    DefinitionsError
        The broker did not take all of them; those it took are in force.
    """
    documents = [d for each in changes for d in Catalogue({each.identity: each.after}).documents()]
    _send(broker, dict(documents))


def withdraw(broker: str, identity: Identity) -> None:
    """Publish that a definition is no more.

    Raises
    ------
    DefinitionsError
        The broker did not take it.
    """
    _send(broker, {"/".join(identity): None})


def _send(broker: str, documents: Mapping[str, bytes | None]) -> None:
    try:
        publish_definitions(broker, documents.items())
    except KafkaError as error:
        raise DefinitionsError(f"{DEFINITIONS.name} at {broker} cannot be written: {error}") from error


def _there(broker: str) -> None:
    """Make sure that the topic exists: a consumer that asks for it might make it, and wrongly."""
    state = next(each for each in list_topics(broker, partitions=1) if each.topic == DEFINITIONS)
    if state.found != state.partitions:
        what = "is missing" if state.found is None else f"has {state.found} partitions instead of {state.partitions}"
        raise TopicError(f"the topic {what}, see 'pileus topics create'")


async def _to_the_end(broker: str) -> dict[str, Stored]:
    """Return the newest record of each key."""
    found: dict[str, Stored] = {}

    def note(record: ConsumerRecord) -> None:
        key = (record.key or b"").decode(errors="replace")
        found.pop(key, None)
        if record.value:
            found[key] = Stored(key, record.value, record.timestamp / 1000.0)

    async with Follower(broker, {(DEFINITIONS.name, 0): note}) as follower:
        await follower.caught_up()
    return found
