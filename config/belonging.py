"""Which application a document belongs to that names none: the one whose document lies nearest."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

from config.application import Application
from config.definition import Declaration
from config.errors import ABSENT, Problem, problem
from config.index import Entry
from config.signup import OfApplication

Homes = Mapping[tuple[str, ...], tuple[int, set[str]]]
"""By folder: how many folders down the next applications are (0: in it), and their ids."""


def owned(
    entries: Sequence[Entry[Declaration]], warnings: list[Problem], orphans: list[Problem]
) -> list[Entry[Declaration]]:
    """Return the documents, those that belong to an application with its id: the nearest if they state none."""
    homes = _homes(entries) if any(_homeless(each.definition) for each in entries) else {}
    found = []
    for entry in entries:
        if not _homeless(entry.definition):
            found.append(entry)
            continue
        name = _nearest(entry.file, homes)
        if name is None:
            told = "must be given: no application lies nearest"
            orphans.append(problem(entry.file, ("applicationId",), ABSENT, told))
            continue
        warnings.append(problem(entry.file, ("applicationId",), ABSENT, f"not given, read as '{name}'"))
        found.append(Entry(entry.file, entry.definition.model_copy(update={"application_id": name})))
    return found


def _homeless(definition: Declaration) -> bool:
    return isinstance(definition, OfApplication) and definition.application_id is None


def _homes(entries: Iterable[Entry[Declaration]]) -> Homes:
    homes: dict[tuple[str, ...], tuple[int, set[str]]] = {}
    for entry in entries:
        if not isinstance(entry.definition, Application):
            continue
        folder, name = PurePath(entry.file).parent.parts, entry.definition.application_id
        for down in range(len(folder) + 1):
            above = folder[: len(folder) - down]
            least, names = homes.setdefault(above, (down, set()))
            if down < least:
                homes[above] = down, {name}
            elif down == least:
                names.add(name)
    return homes


def _nearest(file: str, homes: Homes) -> str | None:
    """Return the application whose document lies nearest, as :mod:`config.index` has it; ``None`` for none or several.

    The folder common to both is one of the file's own: whichever gives the least is the deepest common one.
    """
    folder = PurePath(file).parent.parts
    above = ((up, folder[: len(folder) - up]) for up in range(len(folder) + 1))
    found = [(homes[each][0], up, homes[each][1]) for up, each in above if each in homes]
    _, _, names = min(found, key=lambda each: each[:2], default=(0, 0, set[str]()))
    return next(iter(names)) if len(names) == 1 else None
