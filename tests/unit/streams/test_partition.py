import pytest
from aiokafka.partitioner import murmur2 as of_aiokafka
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as of_kafka_python

from streams.partition import application_key, murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "java"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_that_of_kafkas_own_tests(key: bytes, java: int) -> None:
    assert murmur2(key) == java % 2**32


@given(key=st.binary(max_size=40))
def test_the_hash_is_that_of_both_python_clients(key: bytes) -> None:
    assert murmur2(key) == of_aiokafka(key) % 2**32 == of_kafka_python(key) % 2**32


@given(key=st.binary(max_size=40), partitions=st.integers(1, 1000))
def test_the_partition_is_one_of_them_and_chosen_as_java_does(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (of_aiokafka(key) & 0x7FFFFFFF) % partitions


def test_everything_of_an_application_has_one_key() -> None:
    assert application_key("default", "shop") == b"default/shop"
