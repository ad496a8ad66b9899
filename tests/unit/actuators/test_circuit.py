"""The circuit of a cloud account, and how often it is called."""

import pytest

from actuators.circuit import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Bucket, Circuit


def failing(times: int, *, at: float = 0.0) -> Circuit:
    circuit = Circuit()
    for _ in range(times):
        circuit.failed(at)
    return circuit


def test_some_failures_are_borne() -> None:
    assert failing(FAILURES - 1).admits(0.0)


def test_failures_in_a_row_open_it_for_a_while_and_then_one_call_may_probe() -> None:
    circuit = failing(FAILURES)

    assert not circuit.admits(FIRST_PAUSE_S - 0.1)
    assert circuit.admits(FIRST_PAUSE_S)
    assert not circuit.admits(FIRST_PAUSE_S + 1.0), "one probe at a time"


def test_a_probe_that_is_answered_closes_it() -> None:
    circuit = failing(FAILURES)
    assert circuit.admits(FIRST_PAUSE_S)

    circuit.answered()

    assert all(circuit.admits(FIRST_PAUSE_S) for _ in range(3))


def test_each_probe_that_fails_doubles_the_pause_up_to_a_bound() -> None:
    circuit, at, pauses = failing(FAILURES), FIRST_PAUSE_S, list[float]()
    for _ in range(9):
        assert circuit.admits(at)
        circuit.failed(at)
        pauses.append(circuit.open_until - at)
        at = circuit.open_until

    assert pauses == [10.0, 20.0, 40.0, 80.0, 160.0, *[LONGEST_PAUSE_S] * 4]


def test_a_probe_that_was_given_up_lets_another_probe() -> None:
    circuit = failing(FAILURES)
    assert circuit.admits(FIRST_PAUSE_S)

    circuit.abandoned()

    assert circuit.admits(FIRST_PAUSE_S)


def test_an_answer_in_between_forgives_failures() -> None:
    circuit = failing(FAILURES - 1)
    circuit.answered()
    circuit.failed(0.0)

    assert circuit.admits(0.0)


def test_calls_beyond_the_burst_wait_their_turn_and_too_many_are_sent_away() -> None:
    bucket = Bucket(rate=2.0, burst=2.0, filled=2.0, at=0.0)

    assert [bucket.take(0.0, most_s=1.0) for _ in range(5)] == [0.0, 0.0, 0.5, 1.0, None]
    assert bucket.take(10.0, most_s=1.0) == pytest.approx(0.0)
