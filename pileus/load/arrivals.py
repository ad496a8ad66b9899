"""When requests are due: an inhomogeneous Poisson process, as independent users make it.

The rate is integrated over time; the integral at successive arrivals grows by independent
exponential steps of mean 1 (time-rescaling; Devroye, Non-Uniform Random Variate Generation,
1986, VI.1.3). The seed fixes every arrival.
"""

from collections.abc import Iterator

import numpy as np

from pileus.load.load import Load

CELL_S = 0.05
"""The rate counts as constant for this long: what changes faster is sampled, not averaged (s)."""


def due_times(load: Load, *, peak_per_s: float, duration_s: float, seed: int) -> Iterator[float]:
    """Yield the times at which requests are due (s from the start), ascending.

    ``peak_per_s`` is the rate at load 1 (requests/s, >= 0). Ends with the load or at
    ``duration_s``, whichever is first; without end when both are infinite.
    """
    rng = np.random.default_rng(seed)
    end = min(duration_s, load.duration_s)
    step, cell, begins = float(rng.exponential()), 0, 0.0
    while begins < end:
        ends = min((cell + 1) * CELL_S, end)
        rate = peak_per_s * load.at((begins + ends) / 2.0)
        at = begins
        while step <= rate * (ends - at) and rate > 0.0:
            at += step / rate
            yield at
            step = float(rng.exponential())
        step -= rate * (ends - at)
        cell, begins = cell + 1, ends
