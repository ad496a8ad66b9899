"""The settings of Pileus itself, from a file and the environment; each documented, each bounded."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from msgspec import Meta

from config.errors import ConfigError, Problem, did_you_mean, show

PREFIX = "PILEUS_"
SETTINGS_FILE = "PILEUS_SETTINGS"
"""Environment variable that names the settings' file."""

RESERVED = frozenset(
    {
        "PILEUS_APPLICATION",
        "PILEUS_CI",
        "PILEUS_CLUSTER",
        "PILEUS_CPUS",
        "PILEUS_EXPORTS",
        "PILEUS_HEALTH",
        "PILEUS_HOST",
        "PILEUS_LOG",
        "PILEUS_METADATA",
        "PILEUS_MEASURE",
        "PILEUS_MEMBER",
        "PILEUS_MEMORY_LIMIT",
        "PILEUS_PORT",
        "PILEUS_SETTINGS",
        "PILEUS_STATE",
        "PILEUS_TENANT",
    }
)
"""Names in the environment that are no settings: what instances and their agents are told, and what tests are told."""

Seconds = Annotated[float, Meta(gt=0, le=86400, extra={"unit": "s"})]
Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]


def _says(what: str) -> Meta:
    return Meta(description=what)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set. A name in the environment is ``PILEUS_`` and the field in capitals."""

    broker: Annotated[str, Meta(min_length=1), _says("Kafka to talk to, `host:port`; several apart by `,`.")] = (
        "127.0.0.1:9092"
    )
    partitions: Annotated[int, Meta(ge=1, le=10_000), _says("Partitions of each per-application topic.")] = 4
    replication: Annotated[int, Meta(ge=1, le=100), _says("Copies of each topic.")] = 1
    sample_interval_s: Annotated[Seconds, _says("How often agents measure.")] = 5.0
    evaluation_s: Annotated[
        Seconds, _says("How often windows are evaluated and decisions taken: the period of ticks.")
    ] = 5.0
    lateness_s: Annotated[
        float,
        Meta(ge=0, le=3600, extra={"unit": "s"}),
        _says("How long after a period's end its tick is written: samples may be late by this much."),
    ] = 0.2
    window_s: Annotated[Seconds, _says("Length of the windows that derivatives are fitted to.")] = 300.0
    stale_intervals: Annotated[Count, _says("Silent for this many sample intervals: the signal is stale.")] = 3
    fault_s: Annotated[Seconds, _says("A member silent or unhealthy for this long is faulty, and replaced.")] = 60.0
    max_future_s: Annotated[Seconds, _says("Samples further ahead of the clock than this are refused.")] = 5.0
    horizon_grid_s: Annotated[
        tuple[Seconds, ...],
        Meta(min_length=1, extra={"unit": "s"}),
        _says("Horizons that forecasts are made for, ascending; a lead time is rounded up to the next one."),
    ] = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0)
    predictor: Annotated[
        str,
        Meta(pattern=r"^(kinematic|last|stratos-4\.1|seasonal|ensemble)$"),
        _says(
            "How load is forecast: `ensemble` (learns from days and from its own errors; in its first minutes "
            "`kinematic` speaks), `kinematic` (level + u t + 1/2 a t^2 on the window), `seasonal`, "
            "`stratos-4.1`, `last`."
        ),
    ] = "ensemble"
    heartbeat_s: Annotated[Seconds, _says("A decision that stays the same is published again after this long.")] = 60.0
    session_s: Annotated[Seconds, _says("A worker that Kafka does not hear of for this long loses its partitions.")] = (
        6.0
    )
    fetch_wait_s: Annotated[Seconds, _says("How long the broker may hold a fetch back for more records.")] = 0.05
    ingest: Annotated[
        str,
        Meta(pattern=r"^(coalesced|events)$"),
        _says(
            "How a worker takes samples from Faust: `coalesced`, all that a fetch brought of a partition is one event; "
            "`events`, each message is one (100 us a message, but by Faust's public interface alone)."
        ),
    ] = "coalesced"
    max_lag_s: Annotated[
        Seconds,
        _says(
            "A worker further behind the log than this says so, and is not ready. Meanwhile it writes no ticks, and "
            "of what comes between two ticks the newest 32 MB count: the rest is skipped, and told."
        ),
    ] = 10.0
    health_host: Annotated[str, Meta(min_length=1), _says("Address that a worker tells its health on.")] = "127.0.0.1"
    health_port: Annotated[
        int,
        Meta(ge=0, le=65535),
        _says("Port that a worker tells its health on: `/healthz`, `/readyz`, `/metrics`. 0: it does not."),
    ] = 0
    checkpoint_s: Annotated[Seconds, _says("How often the state of a fold is written down.")] = 5.0
    resend_s: Annotated[Seconds, _says("An action without outcome is sent again after this long.")] = 5.0
    probe_interval_s: Annotated[Seconds, _says("How often a balancer probes its members.")] = 0.5
    buffer_records: Annotated[
        Count, _says("Records an agent keeps while the broker is away; then the oldest are dropped, and counted.")
    ] = 10_000
    agents: Annotated[
        str,
        Meta(pattern=r"^(instance|node)$"),
        _says(
            "What measures the instances of this machine: `instance`, an agent beside each, which the actuators start; "
            "`node`, one for all of them, `pileus agent --node`, which must be kept running."
        ),
    ] = "instance"
    state_dir: Annotated[str, Meta(min_length=1), _says("Folder for what the local cloud and balancer keep.")] = (
        ".pileus"
    )
    clouds_file: Annotated[
        str, _says("File (TOML) with the accounts of clouds: machines, Kubernetes; see `docs/clouds.md`. Empty: none.")
    ] = ""
    stack: Annotated[
        str,
        Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
        _says("Name of this Pileus at the clouds that others share: what carries another's name is never touched."),
    ] = "pileus"
    docker_host: Annotated[
        str,
        _says("Docker engine of this machine, as `unix:///var/run/docker.sock`; empty: there is no cloud `docker`."),
    ] = ""
    dashboard_host: Annotated[str, Meta(min_length=1), _says("Address that the dashboard listens on.")] = "127.0.0.1"
    dashboard_port: Annotated[Port, _says("Port that the dashboard listens on.")] = 8080


def fields() -> dict[str, Any]:
    """Return the type of every setting, by name."""
    return get_type_hints(Settings, include_extras=True)


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def load_settings(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read the settings: defaults, over them the file, over it the environment.

    Without ``file``, the one that ``PILEUS_SETTINGS`` names counts.

    Raises
    ------
    ConfigError
        With everything that is wrong in file and environment.
    """
    problems: list[Problem] = []
    if file is None and environment.get(SETTINGS_FILE):
        file = Path(environment[SETTINGS_FILE])
    values: dict[str, object] = {}
    origin: dict[str, tuple[str, str]] = {}
    for name, key, value in _given(file, environment, problems):
        where = "environment" if key.startswith(PREFIX) else str(file)
        try:
            values[name], origin[name] = _converted(fields()[name], value), (where, key)
        except msgspec.ValidationError:
            bound = f"must be {bound_of(fields()[name])}"
            problems.append(Problem(file=where, path=key, value=show(value), bound=bound))
    if not problems:
        problems += _contradictions(Settings(**values), origin)  # type: ignore[arg-type]  # converted above
    if problems:
        raise ConfigError(problems)
    return Settings(**values)  # type: ignore[arg-type]  # converted above


def to_environment(settings: Settings) -> dict[str, str]:
    """Return the settings as environment, so that a child process has the same ones."""
    given = {name: getattr(settings, name) for name in fields()}
    return {variable(name): text_of(value) for name, value in given.items()}


def bound_of(kind: Any) -> str:
    """Return what a setting must be, in words: ``a number greater than 0, at most 86400``."""
    plain, metas = unwrapped(kind)
    if get_args(plain):
        return f"one or more of: {bound_of(get_args(plain)[0])}"
    words = {
        "gt": "greater than {}",
        "ge": "at least {}",
        "le": "at most {}",
        "min_length": "not empty",
    }
    noun = {int: "a whole number", float: "a number", str: "text"}[plain]
    said = [
        text.format(limit) for meta in metas for key, text in words.items() if (limit := getattr(meta, key)) is not None
    ]
    return ", ".join([noun, *said])


def unwrapped(kind: Any) -> tuple[Any, tuple[Meta, ...]]:
    """Return a type without its annotations, and those."""
    metas = getattr(kind, "__metadata__", ())
    return (get_args(kind)[0], metas) if metas else (kind, ())


def _given(
    file: Path | None, environment: Mapping[str, str], problems: list[Problem]
) -> Iterator[tuple[str, str, object]]:
    """Yield name, key and value of every setting that is given; what is none is a problem."""
    for key, value in _file(file, problems).items() if file else ():
        if key in fields():
            yield key, key, value
        else:
            problems.append(
                Problem(file=str(file), path=key, bound="no such setting", hint=did_you_mean(key, fields()))
            )
    names = {variable(name): name for name in fields()}
    for key in sorted(environment):
        if key in names:
            yield names[key], key, environment[key]
        elif key.startswith(PREFIX) and key not in RESERVED:
            hint = did_you_mean(key, names)
            problems.append(Problem(file="environment", path=key, bound="no such setting", hint=hint))


def _file(file: Path, problems: list[Problem]) -> dict[str, Any]:
    """Read a settings' file; what is wrong with it is a problem."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(file=str(file), bound=f"cannot be read: {error}"))
    except tomllib.TOMLDecodeError as error:
        problems.append(Problem(file=str(file), bound=f"must be TOML: {error}"))
    return {}


def _converted(kind: Any, value: object) -> object:
    """Return a value as the setting's type.

    Raises
    ------
    msgspec.ValidationError
        It is none, or out of bounds.
    """
    if get_args(unwrapped(kind)[0]) and isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if isinstance(value, bool):
        raise msgspec.ValidationError("true and false are no numbers")
    return msgspec.convert(value, kind, strict=not isinstance(value, str | list))


def _contradictions(settings: Settings, origin: Mapping[str, tuple[str, str]]) -> Iterator[Problem]:
    """Yield what no setting shows alone."""
    grid = settings.horizon_grid_s
    rules = (
        ("horizon_grid_s", list(grid) == sorted(set(grid)), "must ascend"),
        ("window_s", settings.window_s >= 3 * settings.sample_interval_s, "must hold 3 samples: 3 x sample_interval_s"),
        ("lateness_s", settings.lateness_s <= settings.evaluation_s, "must be at most evaluation_s"),
        (
            "fault_s",
            settings.fault_s >= settings.stale_intervals * settings.sample_interval_s,
            "must be at least stale_intervals x sample_interval_s",
        ),
    )
    for name, holds, bound in rules:
        if not holds:
            where, key = origin.get(name, ("default", name))
            yield Problem(file=where, path=key, value=show(getattr(settings, name)), bound=bound)


def text_of(value: object) -> str:
    """Return a value as the environment carries it."""
    return ",".join(map(text_of, value)) if isinstance(value, tuple) else str(value)
