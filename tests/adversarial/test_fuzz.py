"""Real records, mutated: nothing that stands in a topic ends a consumer, and of the samples each is accounted for."""

import numpy as np
import pytest

from tests.fuzz.mutate import Mutator
from tests.fuzz.readers import READERS, Reader
from tests.fuzz.world import World

MESSAGES = 30_000
RECORDS = 2_000


@pytest.mark.parametrize("seed", [1])
def test_of_mutated_messages_each_is_used_or_refused_and_the_fold_goes_on(seed: int) -> None:
    """``python -m tests.fuzz --messages 1000000`` is the long form."""
    world = World(seed)

    world.run(MESSAGES)

    refused = {reason for _, reason in world.books.refused}
    assert refused >= {"BadJson", "BadValue", "UnknownCluster", "UnknownMember", "Late", "Future", "Duplicate"}
    assert world.books.used > MESSAGES / 50
    assert world.books.largest < 200_000


@pytest.mark.parametrize("make", READERS, ids=lambda make: make.__name__)
def test_whatever_stands_in_a_topic_its_reader_goes_on(make: type[Reader]) -> None:
    reader, mutator = make(), Mutator(np.random.default_rng(1))
    for _ in range(RECORDS):
        topic, seeds = reader.pick(mutator)
        reader.read(topic, mutator.spoil(seeds))

    assert reader.goes_on()
