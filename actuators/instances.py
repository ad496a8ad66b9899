"""The instances of one application: what there is, under what, and what of it changed."""

from collections.abc import Iterable, Iterator

import msgspec

from actuators.phases import enter
from streams.records.instance import Instance, Level, Phase


class Instances:
    """The tree of instances. Terminated ones are told once and then forgotten."""

    def __init__(self, known: Iterable[Instance] = ()) -> None:
        self.at = 0.0
        """Time of what is done now (s since the Unix epoch)."""
        self.epoch = 0
        self._all: dict[str, Instance] = {}
        self._below: dict[str, dict[str, list[str]]] = {}
        self._told: dict[str, Instance] = {}
        self._changed: dict[str, None] = {}
        self._moved: set[str] = set()
        """Those that came into a phase that is not told yet."""
        self._passed: dict[str, list[Instance]] = {}
        """Phases that were left again before they were told: a reader of the log sees every move."""
        self._gone: dict[str, Instance] = {}
        for instance in known:
            self._told[instance.instance] = instance
            if instance.phase is not Phase.TERMINATED:
                self._enter(instance)

    @property
    def empty(self) -> bool:
        """Say whether nothing is left."""
        return not self._all

    def get(self, name: str) -> Instance | None:
        """Return an instance that is not terminated."""
        return self._all.get(name)

    def roots(self) -> list[Instance]:
        """Return the application's own instances, in the order in which they came."""
        return [self._all[name] for names in self._below.get("", {}).values() for name in names]

    def of(self, parent: Instance, alias: str) -> list[Instance]:
        """Return the instances of a child within one instance of its parent, oldest number first."""
        return [self._all[name] for name in self._below.get(parent.instance, {}).get(alias, ())]

    def below(self, parent: Instance) -> dict[str, list[Instance]]:
        """Return every instance directly within another, by alias."""
        return {alias: self.of(parent, alias) for alias in list(self._below.get(parent.instance, {}))}

    def named(self, alias: str, level: Level) -> list[Instance]:
        """Return every instance of a group or cluster of the application."""
        return [each for each in self._all.values() if each.alias == alias and each.level is level]

    def leaves(self) -> Iterator[Instance]:
        """Yield every cluster instance."""
        return (each for each in self._all.values() if each.level is Level.CLUSTER)

    def add(self, instance: Instance) -> Instance:
        """Take in a new instance."""
        if (gone := self._gone.pop(instance.instance, None)) is not None:
            self._passed.setdefault(instance.instance, []).append(gone)
        self._enter(instance)
        self._moved.add(instance.instance)
        self._changed[instance.instance] = None
        return instance

    def set(self, instance: Instance, **changes: object) -> Instance:
        """Change what is known of an instance, if it differs."""
        if all(getattr(instance, name) == value for name, value in changes.items()):
            return instance
        changed = msgspec.structs.replace(instance, epoch=self.epoch, **changes)
        self._all[instance.instance] = changed
        self._changed[instance.instance] = None
        return changed

    def move(self, instance: Instance, phase: Phase, why: str) -> Instance:
        """Move an instance on in its life; nothing when it is in that phase."""
        if instance.phase is phase:
            return instance
        moved = enter(instance, phase, at=self.at, epoch=self.epoch, why=why)
        if instance.instance in self._moved:
            self._passed.setdefault(instance.instance, []).append(instance)
        self._moved.add(instance.instance)
        self._all[instance.instance] = moved
        self._changed[instance.instance] = None
        if phase is Phase.TERMINATED:
            self._leave(moved)
        return moved

    def take(self) -> list[Instance]:
        """Return what differs from what was returned before, in the order in which it changed first; every phase."""
        changed: list[Instance] = []
        for name in self._changed:
            changed += self._passed.pop(name, ())
            now = self._all.get(name, self._gone.pop(name, None))
            if now is not None and now != self._told.get(name):
                changed.append(now)
                self._note(now)
        self._changed.clear()
        self._moved.clear()
        return changed

    def _note(self, told: Instance) -> None:
        if told.phase is Phase.TERMINATED:
            self._told.pop(told.instance, None)
        else:
            self._told[told.instance] = told

    def _enter(self, instance: Instance) -> None:
        self._all[instance.instance] = instance
        names = self._below.setdefault(instance.parent, {}).setdefault(instance.alias, [])
        if instance.instance not in names:
            names.append(instance.instance)
            names.sort(key=lambda name: (len(name), name))

    def _leave(self, instance: Instance) -> None:
        del self._all[instance.instance]
        siblings = self._below[instance.parent]
        siblings[instance.alias].remove(instance.instance)
        if not siblings[instance.alias]:
            del siblings[instance.alias]
        self._gone[instance.instance] = instance
