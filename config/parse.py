"""From a document to a definition: every problem at once, each in words."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from config.definition import DEFAULT_TENANT, Declaration, Definition
from config.errors import ABSENT, Problem, did_you_mean, problem
from config.kinds import KINDS, NO_DEFINITION, recognise
from config.leftovers import Path, keys, tidy

BOUNDS = {
    "missing": "must be given",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "too_short": "must hold at least {min_length}",
    "too_long": "must hold at most {max_length}",
    "literal_error": "must be {expected}",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "extra_forbidden": "unknown key",
}
"""What pydantic finds, in our words."""


@dataclass(frozen=True, slots=True)
class Source:
    """One document as it was read."""

    file: str
    document: Any
    kind: str = ""
    """Set when it is known from elsewhere (a topic's key)."""
    refused: bool = False
    """Something is wrong with its text: read only to tell what else is wrong."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What came of one document."""

    source: Source
    """Without the document, once there is a definition."""
    definition: Declaration | None
    claims: tuple[str, str, str] | None
    """Kind, tenant and id that the document says it has, even when it is wrong elsewhere."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def parse(source: Source) -> Parsed:
    """Make a definition of a document."""
    if not isinstance(source.document, dict):
        return _refused(source, (), ABSENT, "must be an object with the keys of a definition")
    document = dict(source.document)
    document.pop("$schema", None)
    kind = document.pop("kind", "") or source.kind or recognise(document)
    if isinstance(kind, str) and kind in NO_DEFINITION:
        told = problem(source.file, (), ABSENT, f"a {kind}, which declares nothing: {NO_DEFINITION[kind]}")
        return Parsed(source, None, None, (), (told,))
    if not kind:
        hint = f"state 'kind': one of {', '.join(KINDS)}"
        return _refused(source, (), ABSENT, "no kind of definition has these keys", hint)
    if not isinstance(kind, str) or kind not in KINDS:
        return _refused(source, ("kind",), kind, f"must be one of {', '.join(KINDS)}", did_you_mean(str(kind), KINDS))
    try:
        return _validate(source, KINDS[kind], document)
    except RecursionError:
        return _refused(source, (), ABSENT, "nested too deep")


def _refused(source: Source, path: Path, value: object, bound: str, hint: str = "") -> Parsed:
    return Parsed(source, None, None, (problem(source.file, path, value, bound, hint),))


def _validate(source: Source, model: type[Declaration], document: dict[str, Any]) -> Parsed:
    warnings: list[Problem] = []
    tidied = tidy(model, document, lambda path, value, what: warnings.append(problem(source.file, path, value, what)))
    claims = (model.KIND, str(tidied.get("tenant", DEFAULT_TENANT)), str(tidied.get(model.ID, "")))
    try:
        definition = model.model_validate(tidied)
    except ValidationError as error:
        found = tuple(_problem(source.file, model, each) for each in _causes(error))
        return Parsed(source, None, claims, found, tuple(warnings))
    read = replace(source, document=None)  # let go: a large catalogue would be held twice
    return Parsed(read, definition, definition.identity, (), tuple(warnings))


def _causes(error: ValidationError) -> list[Any]:
    """Return the errors without those that others entail: a list is too short because its items are wrong."""
    errors = error.errors(include_url=False)
    above = {each["loc"][:i] for each in errors for i in range(len(each["loc"]))}
    return [each for each in errors if each["type"] != "too_short" or each["loc"] not in above]


def _problem(file: str, model: type[Definition], error: Mapping[str, Any]) -> Problem:
    """Say in our words what pydantic found."""
    path, kind, context = tuple(error["loc"]), error["type"], error.get("ctx", {})
    value = ABSENT if kind == "missing" else error["input"]
    if kind == "value_error":
        return problem(file, path, value, str(context["error"]))
    bound = BOUNDS[kind].format(**context) if kind in BOUNDS else str(error["msg"])
    return problem(file, path, value, bound, _hint(model, kind, path, value, context))


def _hint(model: type[Definition], kind: str, path: Path, value: object, context: Mapping[str, Any]) -> str:
    """Return what was probably meant by an unknown key or word."""
    if kind == "extra_forbidden":
        return did_you_mean(str(path[-1]), keys(_model_at(model, path[:-1])))
    if kind == "literal_error" and isinstance(value, str):
        return did_you_mean(value, str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", "))
    return ""


def _model_at(model: type[Definition], path: Path) -> type[Definition]:
    """Return the definition that stands at a path."""
    for part in path:
        if isinstance(part, str):
            model = keys(model)[part].within or model
    return model
