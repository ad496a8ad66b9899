"""The orders in ``pileus.control``: pauses and shadows, read to the end within a bound, and published."""

import asyncio
from collections.abc import Iterable

from aiokafka.structs import ConsumerRecord
from kafka.errors import KafkaError

from streams.admin import TopicError, count_partitions, publish_messages
from streams.follow import Follower
from streams.orders import Orders
from streams.partition import application_key, partition_of
from streams.records.control import CONTROL as ORDER
from streams.records.control import Control, Order, Shadow
from streams.records.record import UNREADABLE, encode
from streams.topics import CONTROL

WITHIN_S = 20.0
"""How long reading the topic may take."""


class OrdersError(Exception):
    """The broker cannot be reached, has no such topic, or did not answer in time: try again later."""


def read_orders(broker: str, *, within_s: float = WITHIN_S) -> dict[str, Control]:
    """Return the newest order to pause or resume of each scope, sorted.

    Raises
    ------
    OrdersError
        They could not be read to their end ``within_s``.
    """
    return {key: each for key, each in _read(broker, within_s).items() if isinstance(each, Control)}


def read_shadows(broker: str, *, within_s: float = WITHIN_S) -> dict[str, Shadow]:
    """Return the newest order about a shadow of each policy, ends too, sorted.

    Raises
    ------
    OrdersError
        They could not be read to their end ``within_s``.
    """
    return {key: each for key, each in _read(broker, within_s).items() if isinstance(each, Shadow)}


def _read(broker: str, within_s: float) -> dict[str, Order]:
    """Return the newest order of each key, sorted."""
    try:
        partitions = count_partitions(broker, CONTROL)
        found = asyncio.run(asyncio.wait_for(_to_the_end(broker, partitions), within_s))
    except TimeoutError as error:
        raise OrdersError(f"{CONTROL.name} at {broker} not read to its end within {within_s:g} s") from error
    except (KafkaError, TopicError, OSError) as error:
        raise OrdersError(f"{CONTROL.name} at {broker} cannot be read: {error}") from error
    return found


def publish_order(broker: str, order: Order) -> None:
    """Publish an order; one about a whole tenant or a policy in every partition, so that each decider reads it.

    Raises
    ------
    OrdersError
        The broker did not take it.
    """
    try:
        partitions = count_partitions(broker, CONTROL)
        value = encode(order)
        publish_messages(broker, CONTROL, ((p, order.scope, value) for p in _where(order, partitions)))
    except (KafkaError, TopicError, OSError) as error:
        raise OrdersError(f"{CONTROL.name} at {broker} cannot be written: {error}") from error


def related(orders: Iterable[Control], scope: str) -> list[Control]:
    """Return the orders about something around a scope, or within it; not those about the scope itself."""
    around, within = f"{scope}/".startswith, f"{scope}/"
    return [o for o in orders if o.scope != scope and (around(f"{o.scope}/") or o.scope.startswith(within))]


def _where(order: Order, partitions: int) -> Iterable[int]:
    """Return the partitions that an order stands in."""
    if isinstance(order, Shadow) or not order.application:
        return range(partitions)
    return [partition_of(application_key(order.tenant, order.application), partitions)]


async def _to_the_end(broker: str, partitions: int) -> dict[str, Order]:
    """Return the newest order of each key: that of a tenant stands in several partitions."""
    found = Orders()

    def note(record: ConsumerRecord) -> None:
        if not record.value:
            return
        try:
            order = ORDER.decode(record.value)
        except UNREADABLE:
            return  # not an order: nobody follows it
        found.take(order)

    async with Follower(broker, {(CONTROL.name, p): note for p in range(partitions)}) as follower:
        await follower.caught_up()
    return {order.scope: order for order in found}
