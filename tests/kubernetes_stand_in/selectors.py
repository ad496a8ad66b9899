"""Label selectors, as lists and watches take them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.kubernetes_stand_in.refusals import bad_request

Labels = Mapping[str, str]
Chosen = Callable[[Labels], bool]
_KEY = r"[A-Za-z0-9./_-]+"
_EQUALS = re.compile(rf"({_KEY})\s*(==|=|!=)\s*([A-Za-z0-9._-]*)")
_AMONG = re.compile(rf"({_KEY})\s+(in|notin)\s+\(([^()]*)\)")
_THERE = re.compile(rf"(!?)\s*({_KEY})")
_COMMAS = re.compile(r",(?![^()]*\))")


def selector(text: str) -> Chosen:
    """Return the test that a selector's text says; empty: everything.

    Raises
    ------
    RefusedError
        It cannot be read.
    """
    tests = [_requirement(part.strip()) for part in _COMMAS.split(text)] if text.strip() else []
    return lambda labels: all(test(labels) for test in tests)


def matching(chosen: Mapping[str, Any]) -> Chosen:
    """Return the test of a ``LabelSelector`` with ``matchLabels``."""
    wanted = dict(chosen.get("matchLabels") or {})
    return lambda labels: wanted.items() <= labels.items()


def said(labels: Labels) -> str:
    """Return labels as a selector's text."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _requirement(text: str) -> Chosen:
    if found := _EQUALS.fullmatch(text):
        key, sign, value = found.groups()
        return (lambda labels: labels.get(key) != value) if sign == "!=" else (lambda labels: labels.get(key) == value)
    if found := _AMONG.fullmatch(text):
        key, sign, values = found.groups()
        among = {each.strip() for each in values.split(",")}
        return lambda labels: (labels.get(key) in among) == (sign == "in")
    if found := _THERE.fullmatch(text):
        absent, key = found.groups()
        return lambda labels: (key in labels) != bool(absent)
    raise bad_request(f"unable to parse requirement: found '{text}'")
