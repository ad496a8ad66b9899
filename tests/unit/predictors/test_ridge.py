import numpy as np
import pytest

from predictors.ridge import Ridge, due
from predictors.series import Floats


def learned(x: Floats, z: Floats, *, keep: float = 1.0, weight: float = 1.0) -> Ridge:
    """Learn n equations of d features in m rows: x[n, d, m], z[n, m]."""
    ridge = Ridge.new(1, x.shape[1], x.shape[2])
    for each, target in zip(x, z, strict=True):
        ridge.learn(each, weight * each[None], target, np.full((1, target.size), keep))
    return ridge


def by_the_book(x: Floats, z: Floats, *, delta: float, share: float, prior: float, keep: float = 1.0) -> Floats:
    """Return the same weights of one row, x[n, d], by a general solver."""
    w = keep ** np.arange(len(x))[::-1]
    normal = (x * w[:, None]).T @ x
    penalty = np.diag(delta * (1.0 + share * np.diag(normal)))
    return np.asarray(np.linalg.solve(normal + penalty, (x * w[:, None]).T @ z + delta * prior), dtype=np.float64)


@pytest.mark.parametrize(("keep", "share", "prior"), [(1.0, 0.0, 0.0), (0.97, 0.02, 0.0), (0.9, 0.0, 0.25)])
def test_the_weights_are_those_of_a_general_solver(keep: float, share: float, prior: float) -> None:
    rng = np.random.default_rng(1)
    x, z = rng.normal(size=(80, 5, 300)), rng.normal(size=(80, 300))
    ridge = learned(x, z, keep=keep)

    ridge.solve(np.ones(300, dtype=np.bool_), delta=3.0, share=share, prior=prior)

    for row in (0, 255, 256, 299):
        expected = by_the_book(x[..., row], z[:, row], delta=3.0, share=share, prior=prior, keep=keep)
        np.testing.assert_allclose(ridge.weights[0, :, row], expected, rtol=1e-9)


def test_only_the_rows_whose_turn_it_is_are_solved() -> None:
    rng = np.random.default_rng(2)
    ridge = learned(rng.normal(size=(9, 2, 3)), rng.normal(size=(9, 3)))

    ridge.solve(np.array([True, False, True]), delta=1.0, share=0.0)

    assert ridge.weights[0].any(axis=0).tolist() == [True, False, True]


def test_an_equation_of_no_weight_teaches_nothing() -> None:
    ridge = learned(np.ones((4, 2, 1)), np.ones((4, 1)), weight=0.0)

    ridge.solve(np.array([True]), delta=1.0, share=0.0)

    assert not ridge.weights.any()


def test_features_that_are_the_same_share_the_weight() -> None:
    x = np.repeat(np.random.default_rng(3).normal(size=(50, 1, 1)), 2, axis=1)
    ridge = learned(x, 4.0 * x[:, 0])

    ridge.solve(np.array([True]), delta=1e-6, share=0.0)

    np.testing.assert_allclose(ridge.weights[0, :, 0], 2.0, rtol=1e-6)


def test_each_row_has_one_turn_in_ten_by_its_phase() -> None:
    turns = np.array([due(np.full(3, t), np.array([0, 3, 14]), 10) for t in range(20)])

    assert [np.flatnonzero(row).tolist() for row in turns.T] == [[0, 10], [7, 17], [6, 16]]
