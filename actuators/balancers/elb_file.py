"""Who is who behind one load balancer: it knows instances, the log members. A file that is written in one step."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from actuators.ports import BalancerError, Target


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The members of one cluster by what was asked for last."""

    routed: tuple[Target, ...] = ()
    """Sorted by member."""
    leaving: tuple[Target, ...] = ()
    """Taken out, and not known to have drained; sorted by member."""

    @property
    def by_instance(self) -> dict[str, Target]:
        """Return who each instance is."""
        return {target.instance: target for target in (*self.leaving, *self.routed)}

    def wanting(self, wanted: Mapping[str, Target], registered: Iterable[str]) -> "Known":
        """Return what is known once ``wanted`` (by instance) are to be routed, and what else is there leaves."""
        there = self.by_instance | {each: stranger(each) for each in registered if each not in self.by_instance}
        left = {each: target for each, target in there.items() if each not in wanted}
        return Known(routed=_sorted(wanted.values()), leaving=_sorted(left.values()))

    def without(self, gone: Iterable[str]) -> "Known":
        """Forget instances that left."""
        ended = frozenset(gone)
        return msgspec.structs.replace(self, leaving=tuple(t for t in self.leaving if t.instance not in ended))


def stranger(instance: str) -> Target:
    """Return what stands for an instance that no member is known to have."""
    return Target(member=instance, host="", port=0, instance=instance)


def is_stranger(target: Target) -> bool:
    """Say whether it is not known whose instance this is."""
    return target.member == target.instance


def read(path: Path) -> Known:
    """Read who is who; nobody when there is no file yet.

    Raises
    ------
    BalancerError
        It cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Known)
    except FileNotFoundError:
        return Known()
    except (OSError, msgspec.DecodeError) as error:
        raise BalancerError(f"elb: cannot read {path}: {error}") from error


def write(path: Path, known: Known) -> None:
    """Write who is who, and be sure that it is on the disk.

    Raises
    ------
    BalancerError
        The disk does not obey; the file is as it was.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(known), indent=1))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise BalancerError(f"elb: cannot write {path}: {error}") from error


def _sorted(targets: Iterable[Target]) -> tuple[Target, ...]:
    return tuple(sorted(targets, key=lambda target: (target.member, target.instance)))
