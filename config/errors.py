"""What is wrong with a definition or a setting: where, which value, which bound."""

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SECRET = re.compile(r"password|credential|secret|token|identity$", re.IGNORECASE)
"""Keys whose values are never printed."""

ABSENT = object()
"""Stands for "there is no value"; ``None`` is a value."""

LONGEST = 80
"""Characters of a value that a message shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong (an error), or was put up with (a warning)."""

    file: str
    """File, topic or environment it stands in; ``:line:column`` appended where only those are known."""
    path: str = ""
    """JSON path, from ``$``; a setting's name."""
    value: str = ""
    """The value as JSON, cut; empty when there is none."""
    bound: str
    """What it must be, as a phrase: ``must be greater than 0``."""
    hint: str = ""
    """What was probably meant, as a phrase: ``did you mean 'threshold'?``."""

    def __str__(self) -> str:
        """Return the whole in one line."""
        where = ": ".join(part for part in (self.file, self.path) if part)
        value = f" = {self.value}" if self.value else ""
        hint = f", {self.hint}" if self.hint else ""
        return f"{where}{value}: {self.bound}{hint}"


class ConfigError(Exception):
    """What operators declared cannot be used. Carries every problem, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def problem(file: str, path: Sequence[str | int], value: object, bound: str, hint: str = "") -> Problem:
    """Write down what is wrong with ``value`` at ``path``; a secret's value is left out."""
    last = next((str(part) for part in reversed(path) if isinstance(part, str)), "")
    shown = "***" if value is not ABSENT and SECRET.search(last) else show(value)
    return Problem(file=file, path=json_path(path), value=shown, bound=bound, hint=hint)


def json_path(parts: Sequence[str | int]) -> str:
    """Return ``$.components.cartridges[0].type``."""
    plain = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
    words = (
        f"[{part}]" if isinstance(part, int) else f".{part}" if plain.fullmatch(part) else f"[{json.dumps(part)}]"
        for part in parts
    )
    return "$" + "".join(words)


def show(value: object) -> str:
    """Return a value as a message shows it: JSON, cut; containers by their size."""
    if value is ABSENT:
        return ""
    if isinstance(value, dict):
        return f"{{{len(value)} keys}}"
    if isinstance(value, list | tuple):
        return f"[{len(value)} items]"
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` for the nearest known word, or an empty text."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f"did you mean '{near[0]}'?" if near else ""
