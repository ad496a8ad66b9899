import numpy as np

from predictors.mixture import Mixture

KEEP = np.array([[[0.9]], [[0.99]]])


def after(errors: list[float], steps: int = 30) -> Mixture:
    """Return a mixture whose forecasts erred so all the time."""
    mixture = Mixture.new(2, len(errors), 1)
    for _ in range(steps):
        mixture.learn(np.array(errors)[:, None], np.array([True]), KEEP)
    return mixture


def test_before_anything_is_known_all_weigh_the_same() -> None:
    np.testing.assert_allclose(Mixture.new(2, 4, 1).weights(), 0.25)


def test_half_the_error_weighs_two_to_the_sixteenth() -> None:
    weights = after([1.0, 2.0]).weights()

    np.testing.assert_allclose(weights[0] / weights[1], 2.0**16)


def test_one_that_is_not_usable_weighs_nothing() -> None:
    weights = after([2.0, 1.0, 2.0]).weights(np.array([[True], [False], [True]]))

    assert weights[:, 0].tolist() == [0.5, 0.0, 0.5]


def test_one_that_is_always_right_takes_all() -> None:
    assert after([0.0, 1.0]).blend(np.array([[5.0], [9.0]])).tolist() == [5.0]


def test_an_error_that_is_not_known_changes_nothing() -> None:
    mixture = after([1.0, 2.0])
    before = mixture.errors.copy()

    mixture.learn(np.full((2, 1), np.nan), np.array([False]), KEEP)

    np.testing.assert_array_equal(mixture.errors, before)
