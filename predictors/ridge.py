"""Many small least-squares problems at once, one for each row, each step adding one equation."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from predictors.ring import total
from predictors.series import Bools, Floats, Ints

BLOCK = 256
"""Rows worked on at once: what they need stays in the cache."""


@dataclass(slots=True)
class Ridge:
    """Online ridge regression with forgetting, ``n`` of them on the same ``d`` features.

    Minimises sum w (z - x . weights)^2 + weights . D weights over the past, older equations counting less.
    Sums run elementwise, without BLAS: a row's result does not depend on the rows beside it.
    """

    normal: Floats
    """[n, d (d + 1) / 2, m], the upper triangle of sum w x x', row after row."""
    right: Floats
    """[n, d, m], sum w x z."""
    weights: Floats
    """[n, d, m], the present solution."""

    @classmethod
    def new(cls, n: int, d: int, m: int, start: float = 0.0) -> "Ridge":
        """Make ``n`` regressions on ``d`` features, weights being ``start``."""
        return cls(np.zeros((n, d * (d + 1) // 2, m)), np.zeros((n, d, m)), np.full((n, d, m), start))

    def predict(self, x: Floats) -> Floats:
        """Return the weighted sums of the features (float64[d, m] -> [n, m])."""
        return total(self.weights * x)

    def learn(self, x: Floats, weighted: Floats, z: Floats, keep: Floats) -> None:
        """Add an equation to each row.

        Parameters
        ----------
        x : float64[d, m]
            Features; zero where there is nothing to learn.
        weighted : float64[n, d, m]
            The same times the weight of the equation.
        z : float64[m]
            What the features should give.
        keep : float64[n, m]
            By how much the past counts less than before: 1 - 1 / memory in steps.
        """
        d, m = x.shape
        left, right = _triangle(d)
        for lo in range(0, m, BLOCK):
            here = slice(lo, lo + BLOCK)
            part = self.normal[..., here]
            part *= keep[:, None, here]
            part += weighted[:, left, here] * x[right, here]
        self.right *= keep[:, None]
        self.right += weighted * z

    def solve(self, due: Bools, *, delta: float, share: float, prior: float = 0.0) -> None:
        """Bring the weights of the rows ``due`` up to date.

        The penalty of feature i is delta (1 + share A_ii) (weights_i - prior)^2; ``share`` keeps features that always
        go together from cancelling each other.
        """
        rows = np.flatnonzero(due)
        for lo in range(0, rows.size, BLOCK):
            few = rows[lo : lo + BLOCK]
            right = self.right[..., few] + delta * prior
            self.weights[..., few] = _solved(self.normal[..., few], right, delta=delta, share=share)


def due(at: Ints, phase: Ints, every: int) -> Bools:
    """Return the rows whose turn it is: each on one step of ``every``, by its own age and phase."""
    turn: Bools = (at + phase) % every == 0
    return turn


@cache
def _triangle(d: int) -> tuple[Ints, Ints]:
    """Return row and column of each element of an upper triangle, row after row."""
    left, right = np.triu_indices(d)
    return left.astype(np.int64), right.astype(np.int64)


@cache
def _square(d: int) -> Ints:
    """Return where each element of a symmetric matrix stands in its upper triangle (int64[d, d])."""
    places = np.zeros((d, d), dtype=np.int64)
    left, right = _triangle(d)
    places[left, right] = places[right, left] = np.arange(left.size)
    return places


def _solved(normal: Floats, right: Floats, *, delta: float, share: float) -> Floats:
    """Solve (A + delta (I + share diag A)) w = right by L D L' without pivots: the matrix is positive definite.

    Golub & Van Loan, Matrix Computations, section 4.1; elementwise over all other axes.
    """
    d = right.shape[1]
    a, w = normal[:, _square(d)], right
    diagonal = np.arange(d)
    a[:, diagonal, diagonal] = delta + (1.0 + delta * share) * a[:, diagonal, diagonal]
    for i in range(d - 1):
        ratio = a[:, i + 1 :, i] / a[:, i, None, i]
        a[:, i + 1 :, i + 1 :] -= ratio[:, :, None] * a[:, i, None, i + 1 :]
        a[:, i + 1 :, i] = ratio
        w[:, i + 1 :] -= ratio * w[:, i, None]
    w /= a[:, diagonal, diagonal]
    for i in range(d - 1, 0, -1):
        w[:, :i] -= a[:, i, :i] * w[:, i, None]
    return w
