"""Publishing goes on until the broker has the record, and gives up only what it will never take."""

import asyncio
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from faust.exceptions import NotReady, ProducerSendError

from streams.publish import RETRY_S, PublishError, Sender
from streams.records.record import encode
from streams.topics import SAMPLES
from tests.builders import a_tick

pytestmark = pytest.mark.looptime


class Producer:
    """Answers each send as the script says: an offset, or an error at once or later."""

    def __init__(self, *script: int | tuple[str, Exception]) -> None:
        self.script = list(script)
        self.sent: list[tuple[Any, ...]] = []

    @property
    def producer(self) -> "Producer":
        return self

    async def send(self, *what: Any) -> asyncio.Future[Any]:
        self.sent.append(what)
        answer = self.script.pop(0)
        future = asyncio.get_running_loop().create_future()
        if isinstance(answer, int):
            future.set_result(type("Metadata", (), {"offset": answer}))
        elif answer[0] == "later":
            future.set_exception(answer[1])
        else:
            raise answer[1]
        return future


def wrapped(cause: Exception) -> Exception:
    """Return an error as Faust wraps it."""
    error = ProducerSendError("Error while sending")
    error.__cause__ = cause
    return error


def sender(producer: Producer) -> Sender:
    return Sender(cast("Any", producer))


async def test_a_record_is_sent_where_it_belongs_and_its_offset_returned() -> None:
    producer = Producer(42)

    assert await sender(producer).send(SAMPLES, "tick", a_tick(), 3) == 42
    assert producer.sent == [(SAMPLES.name, b"tick", encode(a_tick()), 3, None, None)]


async def test_it_is_sent_again_until_the_broker_has_it() -> None:
    producer = Producer(
        ("at once", NotReady("not started")),
        ("at once", wrapped(KafkaTimeoutError())),
        ("later", KafkaTimeoutError()),
        ("later", OSError("connection reset")),
        7,
    )

    assert await sender(producer).send(SAMPLES, "tick", a_tick(), 0) == 7
    assert asyncio.get_running_loop().time() == pytest.approx(4 * RETRY_S)


async def test_an_offer_is_made_once() -> None:
    producer = Producer(("later", KafkaTimeoutError()), 7)

    assert await sender(producer).offer(SAMPLES, "tick", a_tick(), 0) is None
    assert asyncio.get_running_loop().time() == 0.0


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(("at once", wrapped(MessageSizeTooLargeError())), id="before it is sent"),
        pytest.param(("later", MessageSizeTooLargeError()), id="by the broker"),
    ],
)
async def test_what_the_broker_will_never_take_is_given_up(answer: tuple[str, Exception]) -> None:
    with pytest.raises(PublishError, match=r"pileus\.samples/0 key tick: MessageSizeTooLargeError"):
        await sender(Producer(answer)).send(SAMPLES, "tick", a_tick(), 0)


async def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        await sender(Producer(("at once", RuntimeError("a bug")))).send(SAMPLES, "tick", a_tick(), 0)
