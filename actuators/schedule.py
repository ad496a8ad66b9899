"""*Schedules*: which of them hold at a moment, and the minimum and maximum that count then. Pure: the moment is given.

Cron times are local times of the schedule's zone. One that the clocks leave out in spring counts as long after the
change as it lies in the gap; one that they repeat in autumn counts the first time.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from config.cluster import ClusterSpec, ScheduleSpec
from config.schedule import cron
from config.tree import ApplicationSpec, GroupSpec
from streams.records.decision import Holding

DAYS = 8 * 366 + 2
"""How far it is looked for a time: a 29th of February may be eight years away."""
EVERY_DAY = 31
EVERY_WEEKDAY = 7
MINUTE_S = 60.0

Fields = tuple[frozenset[int], ...]


def holding(schedules: Iterable[ScheduleSpec], at: float) -> tuple[Holding, ...]:
    """Return the schedules that hold: those that began since they ended last (``at`` in s since the Unix epoch)."""
    found = ((each, _end(each, int(at // MINUTE_S))) for each in schedules)
    return tuple(Holding(schedule=name(each), until=until) for each, until in found if until is not None)


def scheduled(spec: ClusterSpec, at: float) -> ClusterSpec:
    """Return a cluster with the minimum and maximum that count now; where several hold, the highest of each.

    A schedule's minimum above the maximum raises that too, its maximum below the minimum lowers that too. The ratio to
    those that the cluster scales with stays as declared.
    """
    held = [each for each in spec.schedules if _end(each, int(at // MINUTE_S)) is not None]
    if not held:
        return spec
    minimums = [each.min_members for each in held if each.min_members is not None]
    maximums = [each.max_members for each in held if each.max_members is not None]
    most = max(maximums, default=spec.max_members)
    least = max(minimums) if minimums else min(spec.min_members, most)
    ratio = spec.ratio or spec.min_members
    return msgspec.structs.replace(spec, min_members=least, max_members=max(most, least), ratio=ratio)


def in_force(spec: ApplicationSpec, at: float) -> ApplicationSpec:
    """Return an application with room for what schedules ask for: itself while none holds.

    A minimum is only ever lowered here: a higher one is asked for by the decision, so that an application does not
    become Inactive because a schedule begins.
    """
    if not has_schedules(spec):
        return spec
    root = _relaxed(spec.root, at)
    return spec if root is spec.root else msgspec.structs.replace(spec, root=root)


def has_schedules(spec: ApplicationSpec) -> bool:
    """Say whether any cluster of an application has a schedule."""
    return any(cluster.schedules for cluster in spec.clusters())


def name(schedule: ScheduleSpec) -> str:
    """Write a schedule for people."""
    return f"schedule {schedule.start} to {schedule.end} {schedule.timezone}"


def _relaxed(group: GroupSpec, at: float) -> GroupSpec:
    """Return a group whose clusters have the bounds that count now; itself when none differs."""
    children: list[GroupSpec | ClusterSpec] = []
    for child in group.children:
        if isinstance(child, GroupSpec):
            children.append(_relaxed(child, at))
            continue
        now = scheduled(child, at)
        least = min(now.min_members, child.min_members)
        children.append(now if now is child else msgspec.structs.replace(now, min_members=least))
    if all(new is old for new, old in zip(children, group.children, strict=True)):
        return group
    return msgspec.structs.replace(group, children=tuple(children))


@lru_cache(maxsize=8192)
def _end(schedule: ScheduleSpec, minute: int) -> float | None:
    """Return when a schedule ends that holds in a minute; ``None`` when it does not hold."""
    at, zone = minute * MINUTE_S, ZoneInfo(schedule.timezone)
    start, end = cron(schedule.start), cron(schedule.end)
    began, ended = _last(start, zone, at), _last(end, zone, at)
    if began is None or (ended is not None and ended >= began):
        return None
    return _next(end, zone, at)


def _last(fields: Fields, zone: ZoneInfo, at: float) -> float | None:
    """Return the newest time of a cron expression that is not after ``at``."""
    today = datetime.fromtimestamp(at, zone).date()
    days = (today - timedelta(days=back) for back in range(-1, DAYS))
    return next((max(times) for day in days if (times := [t for t in _times(fields, day, zone) if t <= at])), None)


def _next(fields: Fields, zone: ZoneInfo, at: float) -> float | None:
    """Return the first time of a cron expression after ``at``."""
    today = datetime.fromtimestamp(at, zone).date()
    days = (today + timedelta(days=ahead) for ahead in range(-1, DAYS))
    return next((min(times) for day in days if (times := [t for t in _times(fields, day, zone) if t > at])), None)


def _times(fields: Sequence[frozenset[int]], day: date, zone: ZoneInfo) -> Iterator[float]:
    """Yield the times of a day (s since the Unix epoch); none when the expression does not mean the day."""
    minutes, hours = fields[0], fields[1]
    if not _is_meant(fields, day):
        return
    for hour in sorted(hours):
        for minute in sorted(minutes):
            yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()


def _is_meant(fields: Sequence[frozenset[int]], day: date) -> bool:
    """Say whether an expression means a day. As in cron: where both fields of days are limited, either will do."""
    _, _, days, months, weekdays = fields
    if day.month not in months:
        return False
    by_day, by_weekday = day.day in days, day.isoweekday() % 7 in weekdays
    if len(days) < EVERY_DAY and len(weekdays) < EVERY_WEEKDAY:
        return by_day or by_weekday
    return by_day and by_weekday
