"""What a replay is asked for, on the command line or in a file of tests, and the trials that follow from it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from actuators.demand import MIDDLE, UPPER
from actuators.lab.ahead import DEFAULT, FORECASTERS
from actuators.lab.load import Load
from actuators.lab.report import Trial, fitted
from actuators.lab.sweep import Knobs, turned
from actuators.lab.world import World
from config.cluster import ClusterSpec
from config.errors import did_you_mean
from pileus.lab.loads import RECORDINGS, Reading, read_loads
from pileus.lab.policies import Bounds, Declared, read_policy
from pileus.load.recorded import moment
from pileus.load.table import SUFFIXES, read_table
from streams.records.forecast import Signal

LOADS = (*SUFFIXES, ".json", ".json.gz", *RECORDINGS)
"""How files with loads are named."""
BOOT_S = 180.0
"""Lead time of members that nothing is known of (s)."""


class AskedError(Exception):
    """What is asked for does not fit together; the message says what, where and the bound."""


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A load, policies, predictors, and the world that they meet. Paths are relative to where it stands."""

    load: str
    policies: list[str]
    predictors: list[str] = []
    """None: each policy's own."""
    quantiles: list[float] = []
    """Which lines of the forecast ask for members (0.5..0.9); none: each policy's own."""
    columns: list[str] = []
    signal: str | None = None
    """What a column is that is not named as one; none: the policy's only threshold, else requests in flight."""
    step_s: float | None = None
    """Length of a tick; none: the load's own."""
    begin: str | None = None
    end: str | None = None
    """Only this part of the load (RFC 3339)."""
    skip_s: float = 0.0
    """Replayed and not scored: the beginning."""
    ceiling: float | None = None
    mean_members: float | None = None
    """Scale the load so that its mean fills so many members."""
    capacity: float | None = None
    """What one member can carry; none: the most that the first policy lets it carry: threshold x (1 + tolerance)."""
    min_members: int | None = None
    max_members: int | None = None
    boot_s: float | list[float] | str | None = None
    """Lead time: a number, several measured ones, or a file with a column of them."""
    drain_s: float | None = None
    lifetime_h: float | None = None
    """Mean time until a member fails; none: never."""
    price: float | None = None
    cluster: str | None = None
    policy_id: str | None = None
    horizon_s: float | None = None


def trials(asked: Asked, where: Path) -> list[Trial]:
    """Return every load under every policy with every predictor, in this order.

    Raises
    ------
    AskedError, LoadError, ConfigError
        What cannot be read, or does not fit together.
    """
    declared = [read_policy(where / each, _bounds(asked)) for each in asked.policies]
    loads = [_prepared(asked, load) for load in read_loads(where / asked.load, _reading(asked, declared))]
    labels = _labels(declared, asked.policies)
    worlds = [_world(asked, each, where) for each in declared]
    found = []
    for load in loads:
        specs = [_fitted(each.spec, load) for each in declared]
        capacity = _capacity(asked, specs[0])
        scaled = load if asked.mean_members is None else load.scaled(_factor(load, specs[0], asked.mean_members))
        for own, label, world in zip(specs, labels, worlds, strict=True):
            found += [
                Trial(
                    load=scaled,
                    spec=spec,
                    predictor=predictor,
                    world=world,
                    capacity=capacity,
                    skip_s=asked.skip_s,
                    horizon_s=asked.horizon_s,
                    label=f"{label}{sure}",
                )
                for spec, sure in _sure(asked, own)
                for predictor in _predictors(asked, spec)
            ]
    return found


def trials_of(asked: Asked, paths: Sequence[Path]) -> list[Trial]:
    """Return the trials of several loads: files, and folders with files; a load's path stands for ``asked.load``.

    Raises
    ------
    AskedError, LoadError, ConfigError
        What cannot be read, or does not fit together.
    """
    files = [file for path in paths for file in (_inside(path) if path.is_dir() else [path])]
    return [trial for file in files for trial in trials(msgspec.structs.replace(asked, load=str(file)), Path())]


def _inside(folder: Path) -> list[Path]:
    """Return the loads in a folder, by name."""
    found = sorted(path for path in folder.iterdir() if path.name.endswith(LOADS))
    if not found:
        raise AskedError(f"{folder}: holds no load ({', '.join(LOADS)})")
    return found


def _bounds(asked: Asked) -> Bounds:
    return Bounds(
        least=asked.min_members,
        most=asked.max_members,
        price=asked.price,
        cluster=asked.cluster,
        policy=asked.policy_id,
    )


def _reading(asked: Asked, declared: Sequence[Declared]) -> Reading:
    """Return how the load is to be read."""
    signal = asked.signal
    if signal is None:
        only = list(declared[0].spec.policy.thresholds)
        signal = only[0] if len(only) == 1 else Signal.REQUESTS_IN_FLIGHT.value
    names = [each.value for each in Signal]
    if signal not in names:
        raise AskedError(f"signal '{signal}': must be one of {', '.join(names)}{_hint(signal, names)}")
    return Reading(columns=asked.columns, signal=signal, ceiling=asked.ceiling)


def _hint(word: str, known: Iterable[str]) -> str:
    near = did_you_mean(word, known)
    return f", {near}" if near else ""


def _prepared(asked: Asked, load: Load) -> Load:
    """Return the part of a load that is asked for, in the steps that are asked for."""
    first = 0 if asked.begin is None else max(0, round((moment(asked.begin) - load.start) / load.step_s))
    last = load.periods if asked.end is None else round((moment(asked.end) - load.start) / load.step_s)
    part = load.part(first, min(last, load.periods))
    if part.periods < 2:  # noqa: PLR2004 - nothing can move in one period
        raise AskedError(f"{load.name}: has nothing between {asked.begin or 'its start'} and {asked.end or 'its end'}")
    try:
        part = part if asked.step_s is None else part.every(asked.step_s)
    except ValueError as error:
        raise AskedError(f"{load.name}: {error}") from error
    if not 0.0 <= asked.skip_s < part.periods * part.step_s:
        hours = part.periods * part.step_s / 3600.0
        raise AskedError(f"skip {asked.skip_s:g} s: must be at least 0 and less than the load's {hours:g} h")
    return part


def _fitted(spec: ClusterSpec, load: Load) -> ClusterSpec:
    try:
        return fitted(spec, load)
    except ValueError as error:
        raise AskedError(str(error)) from error


def _capacity(asked: Asked, spec: ClusterSpec) -> dict[str, float]:
    """Return what one member carries, by signal."""
    thresholds = spec.policy.thresholds
    if asked.capacity is None:
        return {name: value * (1.0 + spec.policy.tolerance) for name, value in thresholds.items()}
    if len(thresholds) > 1:
        raise AskedError(f"capacity {asked.capacity:g}: the policy has thresholds for {', '.join(thresholds)}")
    if not asked.capacity > 0.0:
        raise AskedError(f"capacity {asked.capacity:g}: must be positive")
    return dict.fromkeys(thresholds, asked.capacity)


def _factor(load: Load, spec: ClusterSpec, members: float) -> float:
    """Return by what a load is multiplied so that its mean fills so many members to the threshold."""
    signal, carries = next(iter(spec.policy.thresholds.items()))
    mean = float(np.nanmean(load.signals[signal]))
    if not mean > 0.0:
        raise AskedError(f"{load.name}: is 0 throughout")
    return members * carries / mean


def _sure(asked: Asked, spec: ClusterSpec) -> list[tuple[ClusterSpec, str]]:
    """Return the definition at each quantile that is asked for, and what tells them apart."""
    for quantile in asked.quantiles:
        if not MIDDLE <= quantile <= UPPER:
            raise AskedError(f"quantile {quantile:g}: must lie in {MIDDLE:g}..{UPPER:g}")
    return [(turned(spec, Knobs(quantile=each)), f" P{100.0 * each:g}") for each in asked.quantiles] or [(spec, "")]


def _predictors(asked: Asked, spec: ClusterSpec) -> list[str]:
    """Return the predictors that a policy is replayed with."""
    for name in asked.predictors:
        if name not in FORECASTERS:
            raise AskedError(f"predictor '{name}': must be one of {', '.join(FORECASTERS)}{_hint(name, FORECASTERS)}")
    own = spec.prediction.predictor or DEFAULT
    return asked.predictors or [own if own in FORECASTERS else DEFAULT]


def _world(asked: Asked, declared: Declared, where: Path) -> World:
    """Return the cloud that a policy's members live in."""
    cartridge = declared.spec.cartridge
    boots = [BOOT_S if declared.alone else cartridge.lead_time_s]
    if isinstance(asked.boot_s, str):
        table = read_table(where / asked.boot_s)
        boots = table.values[np.isfinite(table.values)].tolist()
    elif asked.boot_s is not None:
        boots = asked.boot_s if isinstance(asked.boot_s, list) else [asked.boot_s]
    if not boots or min(boots) < 0.0:
        raise AskedError(f"boot {boots}: must hold lead times of at least 0 s")
    return World(
        boot_s=tuple(boots),
        drain_s=cartridge.drain_s if asked.drain_s is None else asked.drain_s,
        lifetime_h=float("inf") if asked.lifetime_h is None else asked.lifetime_h,
    )


def _labels(declared: Sequence[Declared], paths: Sequence[str]) -> list[str]:
    """Return what the policies are called: their ids, where these are the same their files."""
    ids = [each.label for each in declared]
    return (
        ids
        if len(set(ids)) == len(ids)
        else [f"{name} ({Path(path).name})" for name, path in zip(ids, paths, strict=True)]
    )
