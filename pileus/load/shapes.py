"""Generated loads: each is a formula of the phase ``x`` in [0, 1), the part of its period that has passed.

============= ========================================================================================
flash-crowd   ``b`` until x = 0.25; straight up to 1 at 0.30; 1 until 0.45; then
              ``b + (1 - b) exp(-(x - 0.45) / 0.08)``, with b = 0.15
ramp          ``b + (1 - b) (1 - |2 x - 1|)``, with b = 0.1: straight up and straight down
day           ``b + (1 - b) sin^2(pi x)``, with b = 0.1: night, noon, night
steps         ``min(k + 1, 8 - k) / 4``, with k = floor(8 x): 1/4, 2/4, 3/4, 1, 1, 3/4, 2/4, 1/4
============= ========================================================================================

All are deterministic, within [0, 1], reach 1, and repeat for ever.
"""

import math
from collections.abc import Callable

from pileus.load.load import Load, LoadError

PERIOD_S = 180.0
"""Default length of one round (s)."""

CROWD_BASE, CROWD_COMES, CROWD_FULL, CROWD_LEAVES, CROWD_DECAY = 0.15, 0.25, 0.30, 0.45, 0.08
CALM = 0.1
STEPS = 8


def flash_crowd(x: float) -> float:
    """Return the load of a crowd that comes at once, stays, and loses interest."""
    if x < CROWD_COMES:
        return CROWD_BASE
    if x < CROWD_FULL:
        return CROWD_BASE + (1.0 - CROWD_BASE) * (x - CROWD_COMES) / (CROWD_FULL - CROWD_COMES)
    if x < CROWD_LEAVES:
        return 1.0
    return CROWD_BASE + (1.0 - CROWD_BASE) * math.exp(-(x - CROWD_LEAVES) / CROWD_DECAY)


def ramp(x: float) -> float:
    """Return the load of a straight rise and a straight fall."""
    return CALM + (1.0 - CALM) * (1.0 - abs(2.0 * x - 1.0))


def day(x: float) -> float:
    """Return the load of one day, from midnight to midnight."""
    return CALM + (1.0 - CALM) * math.sin(math.pi * x) ** 2


def steps(x: float) -> float:
    """Return the load of a staircase of four levels, up and down."""
    k = math.floor(STEPS * x)
    return min(k + 1, STEPS - k) / (STEPS / 2)


SHAPES: dict[str, Callable[[float], float]] = {
    "flash-crowd": flash_crowd,
    "ramp": ramp,
    "day": day,
    "steps": steps,
}
"""Every generated load, by name."""


def generated(name: str, *, period_s: float = PERIOD_S, speed: float = 1.0) -> Load:
    """Return the load ``name``, one round of which takes ``period_s / speed`` seconds.

    Raises
    ------
    LoadError
        If there is no such shape, or period or speed is not a positive number.
    """
    if name not in SHAPES:
        raise LoadError(f"no generated load '{name}': there are {', '.join(SHAPES)}")
    round_s = positive("period", period_s) / positive("speed", speed)
    shape = SHAPES[name]
    return Load(
        shape=lambda t: shape(t / round_s % 1.0),
        duration_s=math.inf,
        description=f"{name}, a round every {round_s:g} s",
    )


def positive(name: str, value: float) -> float:
    """Return ``value``, which must be a positive, finite number.

    Raises
    ------
    LoadError
        If it is not.
    """
    if not 0.0 < value < math.inf:
        raise LoadError(f"{name} = {value}: must be a positive number")
    return value
