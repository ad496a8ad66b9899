"""What ``pileus.members`` and ``pileus.instances`` say, as it is read: what cannot be used is refused with its reason.

A fold counts a refusal at the tick that counts the record's place in the log, as it counts the records that it uses.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from streams.records.instance import INSTANCES, Announcement, InstanceRecord
from streams.records.member import MEMBERS, Claim, Member
from streams.records.record import UNREADABLE
from streams.refusals import EXAMPLE_LENGTH

NAME_MAX = 255
"""Longest name (characters)."""
TIME_MAX = 1e11
"""Latest time of a record (s since the Unix epoch): the year 5138."""
AHEAD_S = 60.0
"""How far the time of a tick may be ahead of the moment at which it was written (s): no clock has shown it yet."""
DAYS_MAX = 100
"""Known days of a cluster, of each kind, at most."""


@dataclass(frozen=True, slots=True)
class Misread:
    """A record that cannot be used, and why."""

    reason: str
    said: str
    what: str


def member(raw: bytes) -> Member | Claim | Misread:
    """Read a record of ``pileus.members``."""
    try:
        record = MEMBERS.decode(raw)
    except UNREADABLE as error:
        return misread(raw, error)
    if isinstance(record, Claim):
        return record
    names = (record.member, record.cluster, record.application, record.tenant, record.network_partition)
    said = _long((*names, record.partition)) or _timeless((record.at, *record.since.values()))
    return Misread("BadValue", said, record.member) if said else record


def instance(raw: bytes) -> InstanceRecord | Misread:
    """Read a record of ``pileus.instances``."""
    try:
        record = INSTANCES.decode(raw)
    except UNREADABLE as error:
        return misread(raw, error)
    if not isinstance(record, Announcement):
        other: InstanceRecord = record
        return other
    said = _long((record.cluster, record.application, record.tenant)) or _timeless((record.at,)) or _known_days(record)
    return Misread("BadValue", said, record.cluster) if said else record


def misread(raw: bytes, error: Exception) -> Misread:
    """Say why bytes are no record."""
    return Misread(reason(error), str(error), raw[:EXAMPLE_LENGTH].decode(errors="replace"))


def reason(error: Exception) -> str:
    """Return the reason that stands for an error of decoding."""
    return "BadValue" if isinstance(error, msgspec.ValidationError) else "BadJson"


def _long(names: Iterable[str]) -> str:
    """Say which name is too long; empty when none is."""
    longest = max(names, key=len)
    if len(longest) <= NAME_MAX:
        return ""
    return f"a name has {len(longest)} characters, at most {NAME_MAX} are allowed"


def _timeless(times: Iterable[float]) -> str:
    """Say which time no clock shows; empty when none does."""
    wrong = [at for at in times if not 0.0 <= at <= TIME_MAX]
    return f"time {wrong[0]} must be in 0..{TIME_MAX:g}" if wrong else ""


def _known_days(record: Announcement) -> str:
    """Say why a cluster's known days cannot be followed; empty when they can."""
    for prediction in (record.prediction, record.shadow):
        if prediction is None:
            continue
        days = prediction.calendar
        if (most := max(len(days.events), len(days.bad_days))) > DAYS_MAX:
            return f"{most} known days, at most {DAYS_MAX} are allowed"
    return ""
