"""What documents would change in what is declared, and who needs what is declared. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from config.catalogue import Catalogue, assemble
from config.definition import DEFAULT_TENANT, Declaration
from config.errors import ABSENT, Problem, json_path, problem
from config.index import Identity
from config.parse import Parsed, Source, parse
from config.signup import OfApplication
from config.tenant import Tenant
from pileus.difference import Change, difference
from pileus.masking import Secrets

TOPIC = "pileus.definitions["
"""How the place of what is declared begins in a problem."""
APPLICATION = json_path(("applicationId",))


@dataclass(frozen=True, slots=True)
class Proposal:
    """What documents ask for."""

    changes: tuple[Change, ...]
    """One for each definition in the documents."""
    problems: tuple[Problem, ...] = ()
    """Why it is refused."""
    warnings: tuple[Problem, ...] = ()

    @property
    def open(self) -> tuple[Change, ...]:
        """Return what is to be published."""
        return tuple(change for change in self.changes if change.word != "unchanged")


def propose(sources: Iterable[Source], stored: Mapping[Identity, Parsed]) -> Proposal:
    """Check documents together with what is declared, and compare. What they declare anew replaces what is there."""
    before = {key: each.definition for key, each in stored.items() if each.definition is not None}
    given, warnings = _owned([parse(source) for source in sources])
    mine = [_settled(each, before) for each in given]
    claimed = {each.claims for each in mine}
    rest = [each for key, each in stored.items() if key not in claimed]
    catalogue, problems = assemble([*rest, *mine])
    keys = {each.definition.identity for each in mine if each.definition}
    after = {key: each for key, each in catalogue.definitions.items() if key in keys}
    told = [each for each in catalogue.warnings if not each.file.startswith(TOPIC)]
    return Proposal(difference(before, after), tuple(problems), (*warnings, *told))


def users(stored: Mapping[Identity, Parsed], identity: Identity) -> tuple[tuple[Identity, str], ...]:
    """Return who refers to a definition: identity and JSON path of everything that would be wrong without it."""
    rest = {key: each for key, each in stored.items() if key != identity}
    known = {(each.file, each.path, each.bound) for each in _problems(stored.values())}
    keys = {each.source.file: key for key, each in rest.items()}
    found = [
        (keys[each.file], each.path)
        for each in _problems(rest.values())
        if (each.file, each.path, each.bound) not in known
    ]
    if identity[:2] == (Tenant.KIND, DEFAULT_TENANT):
        found += [(key, json_path(("tenant",))) for key in rest if key[1] == identity[2]]
    return tuple(sorted(set(found)))


def together(stored: Iterable[Parsed]) -> tuple[Catalogue, list[Problem]]:
    """Return what is declared as a catalogue, and what is wrong with it."""
    return assemble(list(stored))


def _problems(parsed: Iterable[Parsed]) -> list[Problem]:
    return together(parsed)[1]


def _owned(given: Sequence[Parsed]) -> tuple[list[Parsed], list[Problem]]:
    """Give documents that name no application the nearest one among the documents, never one that only is declared."""
    if not any(_homeless(each) for each in given):
        return list(given), []
    alone, _ = assemble(given, strict=False)
    homes = {alone.files[key]: each for key, each in alone.definitions.items()}
    told = [each for each in alone.warnings if each.path == APPLICATION]
    return [_at_home(each, homes) if _homeless(each) else each for each in given], told


def _homeless(parsed: Parsed) -> bool:
    return isinstance(parsed.definition, OfApplication) and parsed.definition.application_id is None


def _at_home(parsed: Parsed, homes: Mapping[str, Declaration]) -> Parsed:
    file = parsed.source.file
    if file in homes:
        return replace(parsed, definition=homes[file], claims=homes[file].identity)
    wrong = problem(file, ("applicationId",), ABSENT, "must be given: no application lies nearest")
    return replace(parsed, definition=None, problems=(*parsed.problems, wrong))


def _settled(parsed: Parsed, before: Mapping[Identity, Declaration]) -> Parsed:
    """Settle the secrets of one document."""
    if parsed.definition is None:
        return parsed
    stored = before.get(parsed.definition.identity)
    secrets = Secrets(parsed.source.file)
    document = parsed.definition.document()
    settled = secrets.settle(document, stored.document() if stored else None)
    definition = parsed.definition
    if settled != document:
        settled.pop("kind")
        definition = type(definition).model_validate(settled)
    return replace(
        parsed,
        definition=definition,
        problems=(*parsed.problems, *secrets.problems),
        warnings=(*parsed.warnings, *secrets.warnings),
    )
