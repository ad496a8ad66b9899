"""The publisher never waits for Kafka, keeps the newest, keeps the order, and counts everything."""

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from streams import publisher as module
from streams.partition import application_key, partition_of
from streams.publisher import RECORD_BYTES, Message, Publisher, RefusedError
from streams.records.log import LOG, LogLine
from streams.records.sample import SAMPLE, Health
from streams.topics import LOGS, SAMPLES, Topic
from tests.waiting import wait_until

KEY = application_key("default", "shop")


def a_sample(number: int) -> Health:
    return Health(application="shop", cluster="web", member="web-1", at=float(number))


def a_line(text: str) -> LogLine:
    return LogLine(application="shop", cluster="web", member="web-1", at=0.0, text=text)


class Fake:
    """A broker that can be away, refuse what a rule names, and be stopped in the middle of a delivery."""

    def __init__(self) -> None:
        self.away = False
        self.fails: Callable[[Message], Exception | None] = lambda _message: None
        self.arrived: list[Message] = []
        self.connections = 0
        self.closed = 0
        self.busy = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def connect(self) -> "Fake":
        if self.away:
            raise ConnectionError("no route")
        self.connections += 1
        return self

    def deliver(self, messages: Sequence[Message]) -> list[Exception | None]:
        self.busy.set()
        assert self.go.wait(10)
        answers = [ConnectionError("gone") if self.away else self.fails(message) for message in messages]
        self.arrived += [message for message, error in zip(messages, answers, strict=True) if error is None]
        return answers

    def close(self) -> None:
        self.closed += 1

    def numbers(self) -> list[float]:
        """Return the samples that arrived, by their time."""
        samples = [SAMPLE.decode(message.value) for message in self.arrived if message.topic == SAMPLES.name]
        return [sample.at for sample in samples if isinstance(sample, Health)]


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def start(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Publisher]]:
    """Start publishers that look again soon, and close them."""
    monkeypatch.setattr(module, "PAUSE_S", 0.01)
    monkeypatch.setattr(module, "MAX_PAUSE_S", 0.02)
    started: list[Publisher] = []

    def make(
        *, limit: int = 1000, limit_bytes: int = 1 << 20, on_change: Callable[[str], None] = lambda _text: None
    ) -> Publisher:
        started.append(Publisher(fake.connect, partitions=4, limit=limit, limit_bytes=limit_bytes, on_change=on_change))
        return started[-1]

    yield make
    fake.go.set()
    for publisher in started:
        publisher.close()


def send(publisher: Publisher, numbers: range) -> None:
    for number in numbers:
        publisher.publish(SAMPLES, a_sample(number), key=KEY)


def settled(publisher: Publisher) -> Callable[[], bool]:
    return lambda: publisher.pending == 0


def test_records_arrive_in_the_order_of_their_publication(start: Callable[..., Publisher], fake: Fake) -> None:
    publisher = start(limit=2000)
    send(publisher, range(1500))  # more than two batches
    wait_until(settled(publisher), within_s=10, what="all delivered")

    assert fake.numbers() == list(range(1500))
    assert (publisher.sent, publisher.dropped) == (1500, 0)


@pytest.mark.parametrize(
    ("topic", "keys", "partition"),
    [
        pytest.param(SAMPLES, (KEY, None), partition_of(KEY, 4), id="by its key"),
        pytest.param(SAMPLES, (b"caddy-1", KEY), partition_of(KEY, 4), id="by its owner when the key is another"),
        pytest.param(LOGS, (b"web-1", None), 0, id="by the topic's own number of partitions"),
    ],
)
def test_a_record_goes_to_the_partition(
    start: Callable[..., Publisher], fake: Fake, topic: Topic, keys: tuple[bytes, bytes | None], partition: int
) -> None:
    key, owner = keys
    publisher = start()
    publisher.publish(topic, a_sample(1), key=key, owner=owner)
    wait_until(settled(publisher), within_s=10, what="delivered")

    assert [(m.topic, m.partition, m.key) for m in fake.arrived] == [(topic.name, partition, key)]


def test_while_the_broker_is_away_the_oldest_are_dropped_and_counted(
    start: Callable[..., Publisher], fake: Fake
) -> None:
    fake.away = True
    publisher = start(limit=10)
    send(publisher, range(25))

    assert (publisher.dropped, publisher.pending, publisher.sent) == (15, 10, 0)


def test_when_the_broker_is_back_the_newest_arrive_without_a_restart(
    start: Callable[..., Publisher], fake: Fake
) -> None:
    fake.away = True
    publisher = start(limit=10)
    send(publisher, range(25))
    wait_until(lambda: publisher.error, within_s=10, what="a failed attempt")
    fake.away = False
    wait_until(settled(publisher), within_s=10, what="delivered")

    assert (fake.numbers(), publisher.sent, publisher.dropped) == (list(range(15, 25)), 10, 15)
    assert publisher.error == ""


def test_what_was_under_way_when_the_broker_went_is_sent_again_first(
    start: Callable[..., Publisher], fake: Fake
) -> None:
    publisher = start()
    fake.go.clear()
    send(publisher, range(3))
    assert fake.busy.wait(10)
    fake.away = True
    send(publisher, range(3, 6))
    fake.go.set()
    wait_until(lambda: publisher.error, within_s=10, what="a failed delivery")
    fake.away = False
    wait_until(settled(publisher), within_s=10, what="delivered")

    assert fake.numbers() == list(range(6))
    assert (publisher.sent, publisher.dropped) == (6, 0)


def test_a_buffer_that_filled_while_a_batch_was_under_way_drops_that_batch_first(
    start: Callable[..., Publisher], fake: Fake
) -> None:
    publisher = start(limit=4)
    fake.go.clear()
    send(publisher, range(1))
    assert fake.busy.wait(10)
    fake.away = True
    send(publisher, range(1, 5))
    fake.go.set()
    wait_until(lambda: publisher.error, within_s=10, what="a failed delivery")
    fake.away = False
    wait_until(settled(publisher), within_s=10, what="delivered")

    assert (fake.numbers(), publisher.dropped) == ([1, 2, 3, 4], 1)


def test_bytes_are_bounded_too(start: Callable[..., Publisher], fake: Fake) -> None:
    fake.away = True
    publisher = start(limit_bytes=5000)
    for _ in range(10):
        publisher.publish(LOGS, a_line("x" * 900), key=b"web-1")

    assert (publisher.pending, publisher.dropped) == (4, 6)


def test_a_record_too_large_for_kafka_is_dropped_at_once(start: Callable[..., Publisher], fake: Fake) -> None:
    publisher = start()
    publisher.publish(LOGS, a_line("x" * RECORD_BYTES), key=b"web-1")

    assert (publisher.dropped, publisher.pending) == (1, 0)


def test_a_refused_record_is_dropped_and_holds_up_nothing(start: Callable[..., Publisher], fake: Fake) -> None:
    fake.fails = lambda m: RefusedError("too large") if b'"at":1.0' in m.value else None
    publisher = start()
    send(publisher, range(3))
    wait_until(settled(publisher), within_s=10, what="delivered")

    assert (fake.numbers(), publisher.sent, publisher.dropped) == ([0, 2], 2, 1)


def test_a_topic_that_cannot_be_had_holds_up_no_other(start: Callable[..., Publisher], fake: Fake) -> None:
    fake.fails = lambda m: ConnectionError("no such topic") if m.topic == LOGS.name else None
    publisher = start()
    publisher.publish(LOGS, a_line("waits"), key=b"web-1")
    wait_until(lambda: publisher.error, within_s=10, what="a failed delivery")
    send(publisher, range(5))
    wait_until(lambda: publisher.sent == 5, within_s=10, what="samples delivered")

    assert publisher.pending == 1
    fake.fails = lambda _m: None
    wait_until(settled(publisher), within_s=10, what="the line delivered")
    assert LOG.decode(fake.arrived[-1].value).text == "waits"


def test_a_flood_of_log_lines_drops_no_sample(start: Callable[..., Publisher], fake: Fake) -> None:
    fake.away = True
    publisher = start(limit=10)
    send(publisher, range(5))
    for _ in range(50):
        publisher.publish(LOGS, a_line("flood"), key=b"web-1")
    fake.away = False
    wait_until(settled(publisher), within_s=10, what="delivered")

    assert fake.numbers() == list(range(5))


def test_a_connection_that_delivers_nothing_is_opened_anew(start: Callable[..., Publisher], fake: Fake) -> None:
    publisher = start()
    send(publisher, range(1))
    wait_until(settled(publisher), within_s=10, what="delivered")
    fake.away = True
    send(publisher, range(1, 2))
    wait_until(lambda: fake.closed, within_s=10, what="the connection closed")
    fake.away = False
    wait_until(settled(publisher), within_s=10, what="delivered")

    assert fake.connections == 2


def test_a_client_that_raises_anything_at_all_ends_nothing(start: Callable[..., Publisher], fake: Fake) -> None:
    def odd(message: Message) -> Exception | None:
        fake.fails = lambda _m: None
        raise AssertionError("a bug of the client library")

    fake.fails = odd
    publisher = start()
    send(publisher, range(2))
    wait_until(settled(publisher), within_s=10, what="delivered")

    assert fake.numbers() == [0, 1]


def test_each_change_is_told_once(start: Callable[..., Publisher], fake: Fake) -> None:
    told: list[str] = []
    fake.away = True
    publisher = start(on_change=told.append)
    send(publisher, range(3))
    wait_until(lambda: told, within_s=10, what="told that the broker is away")
    fake.away = False
    wait_until(lambda: len(told) == 2, within_s=10, what="told that it is back")

    assert told == ["no route", ""]


def test_closing_delivers_what_waits(start: Callable[..., Publisher], fake: Fake) -> None:
    publisher = start()
    send(publisher, range(100))
    publisher.close(10)

    assert (len(fake.numbers()), publisher.pending, fake.closed > 0) == (100, 0, True)


def test_closing_without_a_broker_gives_up_and_counts_what_is_left(start: Callable[..., Publisher], fake: Fake) -> None:
    fake.away = True
    publisher = start()
    send(publisher, range(7))
    publisher.close(0.05)
    send(publisher, range(1))  # after the end

    assert (publisher.pending, publisher.dropped, publisher.sent) == (0, 8, 0)


def test_closing_does_not_wait_for_a_delivery_that_hangs(start: Callable[..., Publisher], fake: Fake) -> None:
    publisher = start()
    fake.go.clear()
    send(publisher, range(3))
    assert fake.busy.wait(10)
    publisher.close(0.01)
    counted = (publisher.dropped, publisher.pending)
    fake.go.set()
    wait_until(lambda: len(fake.arrived) == 3, within_s=10, what="the late answer")

    assert counted == (publisher.dropped, publisher.pending) == (3, 0)
