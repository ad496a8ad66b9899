"""Policy tests: a file says which replays must stay within which budgets, and which decisions must come out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from actuators.lab.report import Outcome, Trial, run
from config.errors import did_you_mean
from config.read import read
from pileus.lab.asked import Asked, AskedError, trials
from pileus.lab.loads import is_recording
from pileus.lab.result import Figures, Result, result_of
from pileus.load.load import LoadError
from pileus.load.recorded import moment, rfc3339

OWN = ("name", "recording", "budgets", "expect", "beats_headroom")
"""Keys of a test besides those of :class:`~pileus.lab.asked.Asked`."""
AFTER = re.compile(r"\+(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
Check = tuple[bool, str]
"""Whether something held, and what."""
SKILLS = ("relmae", "relpinball90", "coverage90")
DIFFER = 0.05
"""How much more shortage than the last value's at equal cost is no difference."""


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a number must be."""

    min: float | None = None
    max: float | None = None

    def holds(self, value: float) -> bool:
        """Say whether a number is within."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def __str__(self) -> str:
        """Return the bounds in words."""
        if self.min == self.max:
            return f"{self.min:g}"
        least = [] if self.min is None else [f"at least {self.min:g}"]
        return " and ".join(least + ([] if self.max is None else [f"at most {self.max:g}"]))


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The number wanted at a moment."""

    at: str
    """RFC 3339, or from the load's start: ``+1h30m``."""
    wanted: float | Bounds


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One test."""

    name: str
    asked: Asked | None
    recording: str | None = None
    """Take its decisions again instead: they must be equal to the byte."""
    budgets: dict[str, float | Bounds] = {}
    """By the figure's name; a number is the most it may be."""
    expect: list[Expected] = []
    beats_headroom: bool = False
    """Must not lose against the last value with headroom at equal cost."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one test."""

    name: str
    passed: list[str]
    failed: list[str]
    results: list[Result] = []


def read_suite(path: Path) -> list[Case]:
    """Read the tests of a file: those under ``tests:``, or the one that it is.

    Raises
    ------
    AskedError
        With what cannot be used.
    """
    sources, problems = read([path])
    if problems:
        raise AskedError("\n".join(str(problem) for problem in problems))
    found: list[Case] = []
    for source in sources:
        given = source.document
        listed = given.get("tests") if isinstance(given, dict) else given
        several = [given] if listed is None else listed
        if not isinstance(several, list) or not several:
            raise AskedError(f"{path}: tests: must be a list of tests")
        found += [_case(path, number, each) for number, each in enumerate(several, start=len(found) + 1)]
    if not found:
        raise AskedError(f"{path}: holds no test")
    return found


def _case(path: Path, number: int, given: Any) -> Case:
    """Return one test."""
    where = f"{path}: test {number}"
    if not isinstance(given, dict):
        raise AskedError(f"{where}: must be an object with load and policy, or recording")
    given = {key.replace("-", "_"): value for key, value in given.items() if isinstance(key, str)}
    for one, many in (("policy", "policies"), ("predictor", "predictors"), ("column", "columns")):
        if one in given:
            given[many] = [given.pop(one)]
    own = {key: given.pop(key) for key in OWN if key in given}
    own.setdefault("name", f"test {number}")
    for key in given:
        if key not in Asked.__struct_fields__:
            known = sorted([*OWN, *Asked.__struct_fields__])
            hint = did_you_mean(key, known) or f"there are {', '.join(known)}"
            raise AskedError(f"{where}: no key '{key}', {hint}")
    try:
        asked = None if "recording" in own and not given else msgspec.convert(given, Asked)
        case = msgspec.convert({**own, "asked": asked}, Case)
    except msgspec.ValidationError as error:
        raise AskedError(f"{where}: {error}") from error
    _check(where, case)
    return case


def _check(where: str, case: Case) -> None:
    """Refuse a test that tests nothing, or names a figure that there is not."""
    names = _figures(None)
    for name in case.budgets:
        if name not in names:
            raise AskedError(f"{where}: no figure '{name}' {did_you_mean(name, names)}: there are {', '.join(names)}")
    if case.recording is None and not (case.budgets or case.expect or case.beats_headroom):
        raise AskedError(f"{where}: needs budgets, expect or beats_headroom: it would test nothing")
    if case.recording is not None and not is_recording(Path(case.recording)):
        raise AskedError(f"{where}: recording = {case.recording}: must be a .jsonl or .jsonl.gz")


def run_case(case: Case, where: Path) -> Verdict:
    """Run one test. Paths are relative to ``where``.

    Raises
    ------
    AskedError, LoadError, ConfigError, OSError, ValueError
        If something cannot be used.
    """
    checks: list[Check] = []
    results: list[Result] = []
    if case.recording is not None:
        checks += _again(where / case.recording)
    if case.asked is not None:
        for trial in trials(case.asked, where):
            outcome = run(trial, baseline=case.beats_headroom)
            results.append(result_of(outcome))
            checks += _checks(case, outcome, results[-1])
    return Verdict(
        name=case.name,
        passed=[said for held, said in checks if held],
        failed=[said for held, said in checks if not held],
        results=results,
    )


def _checks(case: Case, outcome: Outcome, result: Result) -> Iterator[Check]:
    """Hold a result against what is asked of it."""
    trial = outcome.trial
    who = f"{trial.label} with {trial.predictor} on {trial.load.name}"
    for name, given in case.budgets.items():
        bounds, value = _bounds(given, exact=False), _figures(result)[name]
        said = f"{who}: {name} is {'unknown' if value is None else f'{value:.6g}'}, must be {bounds}"
        yield value is not None and bounds.holds(value), said
    for expected in case.expect:
        at, bounds = _moment(expected.at, trial), _bounds(expected.wanted, exact=True)
        wanted, why = wanted_at(outcome, at)
        said = f"{who}: at {expected.at} ({rfc3339(at)}) {wanted} members wanted, must be {bounds}{why}"
        yield bounds.holds(wanted), said
    if case.beats_headroom and result.beside is not None:
        ratio = result.beside.theta_u_ratio
        yield ratio is not None and ratio <= 1.0 + DIFFER, f"{who}: {result.said}"


def wanted_at(outcome: Outcome, at: float) -> tuple[int, str]:
    """Return the number wanted at a moment, and why."""
    changes = [change for change in outcome.loop.changes if change.at <= at]
    if not changes:
        return outcome.loop.first, " (the first number)"
    newest = changes[-1]
    return newest.wanted, f" (decided at {rfc3339(newest.at)}: {newest.why[-1][0]}: {newest.why[-1][1]})"


def _bounds(given: float | Bounds, *, exact: bool) -> Bounds:
    """Return what a number must be: alone it is the most, or the only one."""
    return given if isinstance(given, Bounds) else Bounds(given if exact else None, given)


def _moment(text: str, trial: Trial) -> float:
    """Return a moment on the load's clock."""
    after = AFTER.fullmatch(text)
    if after is None or len(text) == 1:
        return moment(text)
    days, hours, minutes, seconds = (int(part or 0) for part in after.groups())
    return trial.load.start + ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _figures(result: Result | None) -> dict[str, float | None]:
    """Return every figure that a budget can name; without a result only the names count."""
    skill = result.skills[0] if result is not None and result.skills else None
    figures = {name: getattr(result.figures if result else None, name, None) for name in Figures.__struct_fields__}
    skills = {name: getattr(skill, name, None) for name in SKILLS}
    return figures | skills | {"unknown_minutes": getattr(result, "unknown_minutes", None)}


def _again(path: Path) -> Iterator[Check]:
    """Take the decisions of a recording again."""
    from pileus.commands.replay import compare_recording  # noqa: PLC0415 - only recordings need it

    if not path.is_file():
        raise LoadError(f"no file '{path}'")
    for each in compare_recording(path):
        where = "".join(f"; {place}" for place in (*each.missing, *each.extra))
        said = f"{path.name}: {each.equal} of {each.recorded} {each.kind} equal to the byte{where}"
        yield each.equal == each.recorded and not each.extra, said
